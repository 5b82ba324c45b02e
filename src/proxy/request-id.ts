import { randomBytes } from 'node:crypto';
import type { Outbox } from '../http1/connection/outbox.ts';
import type { RequestHead } from '../http1/message/request-head.ts';

/** 64 bits that are random for each process. With a count after it, making an id reads no random numbers. */
const prefix = randomBytes(8).toString('hex');
const beginning = Buffer.from(`X-Request-Id: ${prefix}-`);
let count = 0;

/** The client's `X-Request-Id` if it is short and harmless in logs and headers. */
export function givenRequestId(head: RequestHead): string | undefined {
  const line = head.requestIdLine;
  if (line < 0) return undefined;
  const given = head.fields.value(line);
  return /^[A-Za-z0-9._:/+=-]{1,128}$/.test(given) ? given : undefined;
}

/** The number of a new id, never 0. Most requests need the id only as octets: see {@link writeNumberedId}. */
export function nextRequestNumber(): number {
  count = (count + 1) >>> 0 || 1;
  return count;
}

/** The id with this number. */
export function numberedId(number: number): string {
  return `${prefix}-${number.toString(16)}`;
}

/** Writes the field X-Request-Id with the id that has this number. */
export function writeNumberedId(out: Outbox, number: number): void {
  out.octets(beginning, 0, beginning.length);
  out.hex(number);
  out.lineEnd();
}

/** A new id. */
export function newRequestId(): string {
  return numberedId(nextRequestNumber());
}
