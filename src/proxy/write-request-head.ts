import type { Outbox } from '../http1/connection/outbox.ts';
import type { EditedFields } from '../http1/message/edited-fields.ts';
import { fieldIds } from '../http1/message/field-ids.ts';
import type { FieldLines } from '../http1/message/field-lines.ts';
import type { RequestHead } from '../http1/message/request-head.ts';
import { copyLines } from './copy-lines.ts';
import { isFromSluice } from './is-local.ts';
import type { Rewrite } from './rewrite.ts';
import type { Upstream } from './upstream.ts';

/** Fields that Sluice writes itself: the values that a trusted proxy sent are extended, other values are replaced. */
const ownFields = ['x-forwarded-for', 'x-forwarded-proto', 'x-forwarded-host', 'forwarded', 'x-request-id'] as const;

const replaced = withFields(new Uint8Array(128), ownFields);
/** Fields that are not copied, with and without Host: in general, and of a request that a balancer has passed on and no policy has edited. */
const droppedHere = { always: replaced, andHost: withFields(replaced, ['host']) };
const droppedBehind = { always: new Uint8Array(128), andHost: withFields(new Uint8Array(128), ['host']) };

function withFields(others: Uint8Array, names: readonly (keyof typeof fieldIds)[]): Uint8Array {
  const all = others.slice();
  for (const name of names) all[fieldIds[name]] = 1;
  return all;
}

/** A client's request on its way to an upstream. */
export interface OutgoingRequest {
  /** The head as it came. */
  readonly head: RequestHead;
  /** Its fields as policies changed them; undefined: nothing was changed. */
  readonly edits: EditedFields | undefined;
  /** A balancer in front has written `X-Forwarded-*`, `Forwarded`, X-Request-Id and Via: they go on as they came. */
  readonly passedOn: boolean;
  /** Protocols that the server may switch to, as `offeredProtocols` makes them; '': none. */
  readonly protocols: string;
  /** Writes `X-Forwarded-*`, `Forwarded`, `Client-Cert` and `X-Request-Id` as complete lines. */
  writeOrigin(out: Outbox): void;
}

/** Ends of heads for upstreams, by the client's minor version of HTTP/1. */
const ends = [Buffer.from('Via: 1.0 sluice\r\n\r\n'), Buffer.from('Via: 1.1 sluice\r\n\r\n')] as const;

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
  const verbatim = head.lineVerbatim && (rewrite === undefined || rewrite.target === head.target());
  if (!verbatim) out.text(`${head.method} ${rewrite?.target ?? head.target()} HTTP/1.1\r\n`);
  const { passedOn } = request;
  const dropped = passedOn && edits === undefined ? droppedBehind : droppedHere;
  copyLines(out, fields, verbatim ? requestLineStart(head) : -1, host === undefined ? dropped.always : dropped.andHost, edits);

  if (rewrite !== undefined) out.octets(rewrite.hostLine, 0, rewrite.hostLine.length);
  let own = host === undefined || rewrite !== undefined ? '' : `Host: ${host}\r\n`;
  if (edits !== undefined) own += edits.addedLines;
  if (head.chunked) own += 'Transfer-Encoding: chunked\r\n';
  const { protocols } = request;
  if (head.acceptsTrailers) own += protocols === '' ? 'TE: trailers\r\nConnection: TE\r\n' : 'TE: trailers\r\n';
  if (protocols !== '') own += `Connection: Upgrade${head.acceptsTrailers ? ', TE' : ''}\r\nUpgrade: ${protocols}\r\n`;
  if (own !== '') out.text(own);
  if (!passedOn) request.writeOrigin(out);
  else if (edits !== undefined) out.text(passedOnLines(fields));
  if (passedOn && (edits === undefined || isFromSluice(edits.get('via')))) {
    out.text('\r\n');
    return;
  }
  // Without Via a request that runs in a circle would not be noticed, so that policies cannot remove it.
  const end = ends[head.minor === 0 ? 0 : 1];
  out.octets(end, 0, end.length);
}

/** The lines that a balancer in front has written, except Via, whatever policies did to them. */
function passedOnLines(fields: FieldLines): string {
  let lines = '';
  for (let line = 0; line < fields.count; line++)
    if (replaced[fields.id(line)] === 1) lines += fields.text(fields.start(line), fields.start(line + 1));
  return lines;
}

/** Start of the request line, counted back from the target, which follows the method and one space. Skips empty lines before the request line. */
function requestLineStart(head: RequestHead): number {
  return head.targetStart - head.method.length - 1;
}
