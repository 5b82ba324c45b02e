import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http';
import { listening } from '../tools/listening.ts';

/** A span as the collector received it. */
export interface Received {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly name: string;
  readonly kind: number;
  readonly startTimeUnixNano: string;
  readonly endTimeUnixNano: string;
  readonly status: { readonly code?: number };
  /** `service.name` of its resource. */
  readonly service: string;
  readonly about: Readonly<Record<string, string>>;
}

interface Attribute {
  readonly key: string;
  readonly value: { readonly stringValue?: string; readonly intValue?: string };
}

interface Message {
  readonly resourceSpans: readonly {
    readonly resource: { readonly attributes: readonly Attribute[] };
    readonly scopeSpans: readonly { readonly spans: readonly (Omit<Received, 'service' | 'about'> & { attributes: Attribute[] })[] }[];
  }[];
}

/** A collector that takes OTLP over HTTP as JSON. */
export interface Collector {
  readonly url: string;
  readonly spans: Received[];
  readonly requests: { path: string; headers: IncomingHttpHeaders }[];
  /** Sends the response; default: 200. */
  answer: (response: ServerResponse) => void;
}

export async function startCollector(t: { teardown(end: () => void): void }): Promise<Collector> {
  const server = createServer(async (request, response) => {
    let text = '';
    for await (const piece of request) text += piece;
    collector.requests.push({ path: request.url ?? '', headers: request.headers });
    for (const { resource, scopeSpans } of (JSON.parse(text) as Message).resourceSpans) {
      const service = named(resource.attributes)['service.name'] ?? '';
      for (const { spans } of scopeSpans) {
        collector.spans.push(...spans.map(({ attributes, ...span }) => ({ ...span, service, about: named(attributes) })));
      }
    }
    collector.answer(response);
  });
  const url = `http://${await listening(t, server)}`;
  const collector: Collector = { url, spans: [], requests: [], answer: (response) => void response.end('{}') };
  return collector;
}

function named(attributes: readonly Attribute[]): Record<string, string> {
  return Object.fromEntries(attributes.map(({ key, value }) => [key, value.stringValue ?? value.intValue ?? '']));
}
