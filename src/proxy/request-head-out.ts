import type { Outbox } from '../http1/connection/outbox.ts';
import type { EditedFields } from '../http1/message/edited-fields.ts';
import { fieldIds } from '../http1/message/field-names.ts';
import type { RequestHead } from '../http1/message/request-head.ts';
import { copyLines } from './line-runs.ts';

/** Fields that Sluice writes itself, from what came if the peer may be believed. */
const ours = ['x-forwarded-for', 'x-forwarded-proto', 'x-forwarded-host', 'forwarded', 'x-request-id'] as const;

/** Whether a field, its name in lower case, is replaced in every forwarded request. */
export function writtenByUs(lowerName: string): boolean {
  return (ours as readonly string[]).includes(lowerName);
}

const replaced = new Uint8Array(128);
for (const name of ours) replaced[fieldIds[name]] = 1;
const replacedAndHost = replaced.slice();
replacedAndHost[fieldIds.host] = 1;

/** What a role wants changed on the way to its upstream. */
export interface Rewrite {
  readonly target: string;
  readonly host: string;
}

/** Everything about a forwarded request head that does not stand in the head as it came. */
export interface RequestAdditions {
  readonly rewrite: Rewrite | undefined;
  readonly edits: EditedFields | undefined;
  readonly requestId: string;
  /** Complete lines for `X-Forwarded-*` and `Forwarded`. */
  readonly forwarded: string;
}

/**
 * Puts the head for the upstream together: the request line, then the fields as they came but for those about the
 * connection (RFC 9110 section 7.6.1), then Sluice's own.
 */
export function writeRequestHead(out: Outbox, head: RequestHead, additions: RequestAdditions): void {
  const { fields } = head;
  const { rewrite, edits } = additions;
  const host = rewrite?.host ?? (head.absolute || head.hostLine < 0 ? head.authority() : undefined);
  const verbatim = rewrite === undefined && head.lineVerbatim;
  if (!verbatim) out.text(`${head.method} ${rewrite?.target ?? head.target()} HTTP/1.1\r\n`);
  copyLines(out, fields, verbatim ? requestLineStart(head) : -1, host === undefined ? replaced : replacedAndHost, edits);

  let own = host === undefined ? '' : `Host: ${host}\r\n`;
  if (edits) for (const [name, value] of edits.added) own += `${name}: ${value}\r\n`;
  if (head.chunked) own += 'Transfer-Encoding: chunked\r\n';
  if (head.acceptsTrailers) own += 'TE: trailers\r\nConnection: TE\r\n';
  out.text(`${own}${additions.forwarded}X-Request-Id: ${additions.requestId}\r\nVia: 1.${head.minor} sluice\r\n\r\n`);
}

/** The method directly precedes the target; empty lines before it are left out. */
function requestLineStart(head: RequestHead): number {
  return head.targetStart - head.method.length - 1;
}
