import { randomBytes } from 'node:crypto';
import { fieldIds } from '../http1/message/field-ids.ts';
import type { RequestHead } from '../http1/message/request-head.ts';

const prefix = randomBytes(8).toString('hex');
let count = 0;

/** The client's `X-Request-Id` if it is short and harmless in logs and headers; else a new one. */
export function requestIdOf(head: RequestHead): string {
  const line = head.fields.indexOf(fieldIds['x-request-id']);
  if (line >= 0) {
    const given = head.fields.value(line);
    if (/^[A-Za-z0-9._:/+=-]{1,128}$/.test(given)) return given;
  }
  return newRequestId();
}

/** A new id: 64 bits that are random for each process, and a count, so that making an id reads no random numbers. */
export function newRequestId(): string {
  count = (count + 1) >>> 0;
  return `${prefix}-${count.toString(16)}`;
}
