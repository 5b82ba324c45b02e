import type { Outbox } from '../http1/connection/outbox.ts';
import type { EditedFields } from '../http1/message/edited-fields.ts';
import { fieldIds } from '../http1/message/field-names.ts';
import type { ResponseHead } from '../http1/message/response-head.ts';
import { copyLines } from './line-runs.ts';
import { httpDate } from './own-answer.ts';

const none = new Uint8Array(128);

/** What is decided about a response before its head is sent. */
export interface ResponseAdditions {
  /** The body leaves in chunks of our own. */
  readonly chunked: boolean;
  readonly connection: 'close' | 'keep-alive' | undefined;
  readonly edits: EditedFields | undefined;
  /** Complete lines, for example `x-served-by`. */
  readonly extra: string;
}

/** Puts the final response's head for the client together; the version is ours (RFC 9110 section 2.5), the rest as it came. */
export function writeResponseHead(out: Outbox, head: ResponseHead, additions: ResponseAdditions): void {
  const { fields } = head;
  if (!head.lineVerbatim) out.text(`HTTP/1.1 ${head.status} ${fields.text(head.reasonStart, head.reasonEnd)}\r\n`);
  copyLines(out, fields, head.lineVerbatim ? 0 : -1, none, additions.edits);

  let own = additions.extra;
  if (additions.edits) for (const [name, value] of additions.edits.added) own += `${name}: ${value}\r\n`;
  if (fields.indexOf(fieldIds.date) < 0) own += `Date: ${httpDate()}\r\n`;
  if (additions.chunked) own += 'Transfer-Encoding: chunked\r\n';
  const upgrade = head.status === 426 ? fields.indexOf(fieldIds.upgrade) : -1;
  // A 426 must say what to upgrade to (RFC 9110 section 15.5.22).
  if (upgrade >= 0) own += `Upgrade: ${fields.value(upgrade)}\r\nConnection: Upgrade\r\n`;
  if (additions.connection) own += `Connection: ${additions.connection}\r\n`;
  out.text(`${own}\r\n`);
}

/** An interim response (1xx), passed on at once (RFC 9110 section 15.2). */
export function writeInterimHead(out: Outbox, head: ResponseHead): void {
  out.text(`HTTP/1.1 ${head.status} ${head.fields.text(head.reasonStart, head.reasonEnd)}\r\n`);
  copyLines(out, head.fields, -1, none, undefined);
  out.text('\r\n');
}
