import { STATUS_CODES } from 'node:http';
import type { Outbox } from '../http1/connection/outbox.ts';
import type { AnswerFields, Failure } from './contract.ts';

const retryAfterSeconds = '1';

/** A response made here, before it is written. */
export interface OwnAnswer {
  readonly status: number;
  readonly headers: AnswerFields;
  readonly body: string | Buffer;
}

/** Facts of the request that a response made here is for. */
interface AnswerContext {
  readonly requestId: string;
  readonly headOnly: boolean;
  /** Undefined: the client's HTTP version has that value as its default. */
  readonly connection: 'close' | 'keep-alive' | undefined;
}

/** Writes a response made here: head and body. */
export function writeOwnAnswer(out: Outbox, answer: OwnAnswer, about: AnswerContext): void {
  const octets = octetsOf(answer.body);
  out.text(headOf(answer, octets.length, about));
  if (hasBody(answer, about)) out.octets(octets, 0, octets.length);
}

/** The octets of a response made here, for a client that gets messages rather than HTTP/1.1. */
export function ownAnswer(answer: OwnAnswer, about: AnswerContext): Buffer {
  const octets = octetsOf(answer.body);
  const head = Buffer.from(headOf(answer, octets.length, about), 'latin1');
  return hasBody(answer, about) ? Buffer.concat([head, octets]) : head;
}

function octetsOf(body: string | Buffer): Buffer {
  return typeof body === 'string' ? Buffer.from(body) : body;
}

function isBodyless(status: number): boolean {
  return status === 204 || status === 304;
}

function hasBody({ status }: OwnAnswer, { headOnly }: AnswerContext): boolean {
  return !headOnly && !isBodyless(status);
}

function headOf({ status, headers }: OwnAnswer, length: number, { requestId, connection }: AnswerContext): string {
  let head = `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}\r\n`;
  // An answer that was made earlier has its own date.
  if (headers['date'] === undefined) head += `date: ${httpDate()}\r\n`;
  head += `x-request-id: ${requestId}\r\n`;
  for (const name in headers) {
    const value = headers[name] as string | readonly string[];
    if (typeof value === 'string') head += `${name}: ${value}\r\n`;
    else for (const line of value) head += `${name}: ${line}\r\n`;
  }
  if (!isBodyless(status)) head += `content-length: ${length}\r\n`;
  if (connection) head += `connection: ${connection}\r\n`;
  return `${head}\r\n`;
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
