import type { Outbox } from '../http1/connection/outbox.ts';
import type { EditedFields } from '../http1/message/edited-fields.ts';
import { fieldIds } from '../http1/message/field-ids.ts';
import type { RequestHead } from '../http1/message/request-head.ts';
import { copyLines } from './copy-lines.ts';
import type { Upstream } from './upstream.ts';

/** Fields that Sluice writes itself: the values that a trusted proxy sent are extended, other values are replaced. */
const ownFields = ['x-forwarded-for', 'x-forwarded-proto', 'x-forwarded-host', 'forwarded', 'x-request-id'] as const;

const replaced = new Uint8Array(128);
for (const name of ownFields) replaced[fieldIds[name]] = 1;
const replacedAndHost = replaced.slice();
replacedAndHost[fieldIds.host] = 1;

/** A client's request on its way to an upstream. */
export interface OutgoingRequest {
  /** Value of the X-Request-Id that is sent. */
  readonly id: string;
  /** The head as it came. */
  readonly head: RequestHead;
  /** Its fields as policies changed them; undefined: nothing was changed. */
  readonly edits: EditedFields | undefined;
  /** `X-Forwarded-*` and `Forwarded` as complete lines. */
  readonly forwardedLines: string;
  /** Protocols that the server may switch to, as `offeredProtocols` makes them; '': none. */
  readonly protocols: string;
}

/** Target and Host for one upstream, instead of the received ones. */
export interface Rewrite {
  readonly target: string;
  readonly host: string;
}

/**
 * Writes the head for the upstream: the request line, then the fields as they came except those about the connection
 * (RFC 9110 section 7.6.1), then Sluice's own. A client that named no host, as HTTP/1.0 allows, gets the upstream's: servers refuse an
 * empty one.
 */
export function writeRequestHead(out: Outbox, request: OutgoingRequest, upstream: Upstream, rewrite: Rewrite | undefined): void {
  const { head, edits } = request;
  const { fields } = head;
  const unnamed = head.authorityStart === head.authorityEnd;
  const host = rewrite?.host ?? (unnamed ? upstream.authority : head.absolute ? head.authority() : undefined);
  const verbatim = rewrite === undefined && head.lineVerbatim;
  if (!verbatim) out.text(`${head.method} ${rewrite?.target ?? head.target()} HTTP/1.1\r\n`);
  copyLines(out, fields, verbatim ? requestLineStart(head) : -1, host === undefined ? replaced : replacedAndHost, edits);

  let own = host === undefined ? '' : `Host: ${host}\r\n`;
  if (edits) for (const [name, value] of edits.added) own += `${name}: ${value}\r\n`;
  if (head.chunked) own += 'Transfer-Encoding: chunked\r\n';
  const { protocols } = request;
  if (head.acceptsTrailers) own += protocols === '' ? 'TE: trailers\r\nConnection: TE\r\n' : 'TE: trailers\r\n';
  if (protocols !== '') own += `Connection: Upgrade${head.acceptsTrailers ? ', TE' : ''}\r\nUpgrade: ${protocols}\r\n`;
  out.text(`${own}${request.forwardedLines}X-Request-Id: ${request.id}\r\nVia: 1.${head.minor} sluice\r\n\r\n`);
}

/** Start of the request line, counted back from the target, which follows the method and one space. Skips empty lines before the request line. */
function requestLineStart(head: RequestHead): number {
  return head.targetStart - head.method.length - 1;
}
