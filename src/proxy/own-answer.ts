import { STATUS_CODES } from 'node:http';
import type { Failure } from './contract.ts';

const retryAfterSeconds = '1';

/** A response made here, before it is written. */
export interface OwnAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | Buffer;
}

/** The octets of a response made here: head and body. `connection` is undefined if the client's HTTP version has that value as its default. */
export function ownAnswer(
  answer: OwnAnswer,
  context: { requestId: string; headOnly: boolean; connection: 'close' | 'keep-alive' | undefined },
): Buffer {
  const body = typeof answer.body === 'string' ? Buffer.from(answer.body) : answer.body;
  const bodyless = answer.status === 204 || answer.status === 304;
  let head = `HTTP/1.1 ${answer.status} ${STATUS_CODES[answer.status] ?? ''}\r\ndate: ${httpDate()}\r\nx-request-id: ${context.requestId}\r\n`;
  for (const [name, value] of Object.entries(answer.headers)) head += `${name}: ${value}\r\n`;
  if (!bodyless) head += `content-length: ${body.length}\r\n`;
  if (context.connection) head += `connection: ${context.connection}\r\n`;
  head += '\r\n';
  return context.headOnly || bodyless ? Buffer.from(head, 'latin1') : Buffer.concat([Buffer.from(head, 'latin1'), body]);
}

/** A failure as problem+json (RFC 9457), with the id of the request to find it by in the logs. */
export function problem(failure: Failure, requestId: string): OwnAnswer & { headers: Record<string, string>; body: string } {
  const headers: Record<string, string> = { 'content-type': 'application/problem+json', 'cache-control': 'no-store' };
  if (failure.status === 503) headers['retry-after'] = retryAfterSeconds;
  const body = JSON.stringify({ type: 'about:blank', title: failure.title, status: failure.status, code: failure.code, requestId });
  return { status: failure.status, headers, body };
}

let dateSecond = 0;
let dateText = '';

/** The current time as an IMF-fixdate (RFC 9110 section 5.6.7), formatted once a second. */
export function httpDate(): string {
  const now = Date.now();
  if (now - dateSecond >= 1000 || now < dateSecond) {
    dateSecond = now - (now % 1000);
    dateText = new Date(now).toUTCString();
  }
  return dateText;
}
