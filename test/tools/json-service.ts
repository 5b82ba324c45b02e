import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { listening } from './listening.ts';
import type { Owner } from './owner.ts';

/** A request that a {@link JsonService} got. */
export interface Asked {
  readonly method: string;
  readonly url: URL;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
  /** The client's port, which tells connections apart. */
  readonly connection: number | undefined;
}

/** The answer to it: JSON unless it is text; `hang`: none at all. */
export type Told =
  | { readonly status?: number; readonly headers?: Record<string, string>; readonly json?: unknown; readonly text?: string }
  | 'hang';

/** A real HTTP server whose answers a test decides, and which keeps what it was asked. */
export interface JsonService {
  readonly url: string;
  readonly asked: Asked[];
  answer: (asked: Asked) => Told | Promise<Told>;
}

export async function jsonService(owner: Owner, answer: JsonService['answer'] = () => ({ json: {} })): Promise<JsonService> {
  const asked: Asked[] = [];
  const server = createServer((request, response) => void handle(request, response));
  const handle = async (request: IncomingMessage, response: ServerResponse) => {
    let body = '';
    for await (const chunk of request) body += chunk;
    const one = {
      method: request.method ?? '',
      url: new URL(request.url ?? '', 'http://a'),
      headers: request.headers,
      body,
      connection: request.socket.remotePort,
    };
    asked.push(one);
    const told = await service.answer(one);
    if (told === 'hang') return;
    response.writeHead(told.status ?? 200, { 'content-type': 'application/json', ...told.headers });
    response.end(told.text ?? JSON.stringify(told.json));
  };
  const service: JsonService = { url: `http://${await listening(owner, server)}`, asked, answer };
  return service;
}
