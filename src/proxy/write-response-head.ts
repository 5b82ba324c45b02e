import type { Outbox } from '../http1/connection/outbox.ts';
import type { EditedFields } from '../http1/message/edited-fields.ts';
import { fieldIds } from '../http1/message/field-ids.ts';
import type { ResponseHead } from '../http1/message/response-head.ts';
import { copyLines } from './copy-lines.ts';
import { httpDate } from './own-answer.ts';

/** Fields between gateway servers and balancers: what comes from upstreams never goes on, neither to clients nor in another's name. */
const dropped = new Uint8Array(128);
dropped[fieldIds['sluice-fault']] = 1;
dropped[fieldIds['sluice-consumer']] = 1;
dropped[fieldIds['sluice-home']] = 1;

/**
 * Writes the final response's head for the client: with our own version (RFC 9110 section 2.5), the fields as they came
 * except those about the connection, then Sluice's own.
 *
 * @param own complete lines to add
 */
export function writeResponseHead(out: Outbox, head: ResponseHead, edits: EditedFields | undefined, own: string): void {
  const { fields } = head;
  if (!head.lineVerbatim) out.text(`HTTP/1.1 ${head.status} ${fields.text(head.reasonStart, head.reasonEnd)}\r\n`);
  copyLines(out, fields, head.lineVerbatim ? 0 : -1, dropped, edits);

  let lines = own;
  if (edits) lines += edits.addedLines;
  lines += lastLines(head);
  if (lines !== '') out.text(lines);
  out.lineEnd();
}

/**
 * The same head as text, without its closing empty line: more lines follow later, when the octets that it came in are gone.
 *
 * @param own complete lines to add
 */
export function heldResponseHead(head: ResponseHead, edits: EditedFields | undefined, own: string): string {
  const { fields } = head;
  let lines = `HTTP/1.1 ${head.status} ${fields.text(head.reasonStart, head.reasonEnd)}\r\n`;
  for (let line = 0; line < fields.count; line++) {
    const id = fields.id(line);
    if (id >= 0 && dropped[id] !== 1 && edits?.struck(line) !== true) lines += fields.text(fields.start(line), fields.start(line + 1));
  }
  return lines + (edits?.addedLines ?? '') + own + lastLines(head);
}

/** A date, if the upstream gave none, and the protocols to upgrade to. */
function lastLines(head: ResponseHead): string {
  const { fields } = head;
  const date = fields.indexOf(fieldIds.date) < 0 ? `Date: ${httpDate()}\r\n` : '';
  const upgrade = head.status === 426 || head.status === 101 ? fields.indexOf(fieldIds.upgrade) : -1;
  // A 426 must say what to upgrade to (RFC 9110 section 15.5.22), a 101 what it switches to (section 7.8).
  return upgrade >= 0 ? `${date}Upgrade: ${fields.value(upgrade)}\r\nConnection: Upgrade\r\n` : date;
}

/** Writes an interim response (1xx), which is forwarded at once (RFC 9110 section 15.2). */
export function writeInterimHead(out: Outbox, head: ResponseHead): void {
  out.text(`HTTP/1.1 ${head.status} ${head.fields.text(head.reasonStart, head.reasonEnd)}\r\n`);
  copyLines(out, head.fields, -1, dropped, undefined);
  out.text('\r\n');
}
