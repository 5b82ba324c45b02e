/**
 * Compares Sluice with Node's own strict parser (llhttp): every message that Sluice accepts, Node accepts with the same meaning.
 *
 * Exceptions, in which Sluice accepts more than Node, and the reason why they are safe:
 * - methods that llhttp does not list: any token is a method (RFC 9110 section 9.1);
 * - HTTP/1.2 to 1.9, read as HTTP/1.1 (RFC 9110 section 2.5);
 * - white space around the delimiters of a chunk extension: a recipient must remove it (RFC 9110 section 5.6.3), and extensions are not
 * forwarded;
 * - a tab after `chunked` or a length: it is not part of the value (RFC 9110 section 5.5), but llhttp treats it as such.
 */

import t from 'tap';
import type { RequestHead } from '../../src/http1/message/request-head.ts';
import type { ResponseHead } from '../../src/http1/message/response-head.ts';
import fc from '../tools/fast-check.ts';
import { mutate, mutation, request, response, runs, type Sample } from './message-generators.ts';
import { nodeReadsRequest, nodeReadsResponse, type Reading } from './node-oracle.ts';
import { readChunked, readRequest, readResponse } from './reading.ts';

const changes = fc.array(mutation, { minLength: 1, maxLength: 3 });

/** A message with its body, as Sluice reads it. */
interface Whole<Head> {
  readonly head: Head;
  /** The octets of the message, without what follows it. */
  readonly text: string;
  readonly body: string;
  readonly trailers: string[];
}

function whole<Head extends RequestHead | ResponseHead>(head: Head, framing: string, text: string, start: number): Whole<Head> | undefined {
  const rest = text.slice(start);
  if (framing === 'chunked') {
    const { body, done, trailers, consumed } = readChunked(rest);
    return done ? { head, text: text.slice(0, start + consumed), body, trailers: (trailers?.entries() ?? []).flat() } : undefined;
  }
  const length = framing === 'length' ? head.contentLength : framing === 'none' ? 0 : rest.length;
  return rest.length < length ? undefined : { head, text: text.slice(0, start + length), body: rest.slice(0, length), trailers: [] };
}

function wholeRequest(text: string): Whole<RequestHead> | undefined {
  const { head, consumed } = readRequest(text);
  if (consumed <= 0) return undefined;
  return whole(head, head.chunked ? 'chunked' : head.contentLength >= 0 ? 'length' : 'none', text, consumed);
}

function wholeResponse(text: string, method: string): Whole<ResponseHead> | undefined {
  const { head, consumed } = readResponse(text);
  return consumed <= 0 ? undefined : whole(head, head.framingOf(method), text, consumed);
}

/** Brings a target in absolute-form, which Node leaves unchanged, into the form that RFC 9112 section 3.2 asks for. */
function normalised(target: string, method: string): string {
  const [, rest] = /^http:\/\/[^/?]*(.*)$/i.exec(target) ?? [];
  if (rest === undefined) return target;
  return rest.startsWith('/') ? rest : rest === '' && method === 'OPTIONS' ? '*' : `/${rest}`;
}

const llhttpMethods = new Set(
  'ACL BIND CHECKOUT COPY DELETE GET HEAD LINK LOCK M-SEARCH MERGE MKACTIVITY MKCALENDAR MKCOL MOVE NOTIFY OPTIONS PATCH POST PROPFIND PROPPATCH PURGE PUT QUERY REBIND REPORT SEARCH SOURCE SUBSCRIBE TRACE UNBIND UNLINK UNLOCK UNSUBSCRIBE'.split(
    ' ',
  ),
);

/** True for the exceptions above. */
function beyondNode({ text, head }: Whole<RequestHead | ResponseHead>): boolean {
  if ('method' in head && !llhttpMethods.has(head.method)) return true;
  if (/^[^\n]*HTTP\/1\.[2-9]/.test(text.replace(/^(\r\n)+/, ''))) return true;
  if (/\n(transfer-encoding|content-length):[^\r]*\t *\r/i.test(text)) return true;
  return head.chunked && /\r\n[0-9a-f]+[^\r]*([ \t][;=]|[;=][ \t])/i.test(text);
}

/** Sluice does not forward leading zeros of Content-Length. Names and values take turns in `fields`. */
function withPlainLength(fields: readonly string[]): string[] {
  return fields.map((text, index) =>
    /^content-length$/i.test(fields[index - 1] ?? '') && index % 2 === 1 ? text.replace(/^0+(?=\d)/, '') : text,
  );
}

function compare({ head, text, body, trailers }: Whole<RequestHead | ResponseHead>, oracle: Reading): void {
  if ('fault' in oracle) throw new Error(`Node refuses what Sluice accepts: ${oracle.fault} ${JSON.stringify(text)}`);
  const said = { version: `1.${head.minor}`, fields: head.fields.entries().flat() };
  const heard = { version: oracle.version, fields: withPlainLength(oracle.fields) };
  if ('method' in head) {
    Object.assign(said, { method: head.method, target: head.target() });
    Object.assign(heard, { method: oracle.method, target: normalised(oracle.target, oracle.method) });
  } else {
    Object.assign(said, { status: head.status });
    Object.assign(heard, { status: oracle.status });
  }
  // Node stops at an upgrade and leaves the body to the next protocol.
  if (!head.upgrade && !(head.minor === 0 && oracle.body === '')) {
    Object.assign(said, { body, trailers });
    Object.assign(heard, { body: oracle.body, trailers: oracle.trailers });
  }
  const [ours, theirs] = [JSON.stringify(said), JSON.stringify(heard)];
  if (ours !== theirs) throw new Error(`Sluice reads ${ours}, Node reads ${theirs}, of ${JSON.stringify(text)}`);
}

t.test('valid requests', async () => {
  await fc.assert(
    fc.asyncProperty(request, async ({ head, text, body }) => {
      const found = wholeRequest(head + text);
      if (found === undefined || found.body !== body) throw new Error(`Sluice reads ${found?.body} for ${body}`);
      compare(found, await nodeReadsRequest(Buffer.from(found.text, 'latin1')));
    }),
    runs(300),
  );
});

t.test('valid responses', async () => {
  await fc.assert(
    fc.asyncProperty(response, async ({ head, text, body }) => {
      const found = wholeResponse(head + text, 'GET');
      if (found === undefined || found.body !== body) throw new Error(`Sluice reads ${found?.body} for ${body}`);
      compare(found, await nodeReadsResponse(Buffer.from(found.text, 'latin1'), 'GET'));
    }),
    runs(300),
  );
});

/** Compares damaged messages. Returns how many were accepted, which proves that there was something to compare. */
async function compareDamaged(
  sample: fc.Arbitrary<Sample>,
  read: (text: string) => Whole<RequestHead | ResponseHead> | undefined,
  oracle: (bytes: Buffer) => Promise<Reading>,
): Promise<number> {
  let accepted = 0;
  await fc.assert(
    fc.asyncProperty(sample, changes, async ({ head, text }, changes) => {
      const found = read(mutate(head + text, changes));
      if (found === undefined || beyondNode(found)) return;
      accepted++;
      compare(found, await oracle(Buffer.from(found.text, 'latin1')));
    }),
    runs(2000),
  );
  return accepted;
}

t.test('damaged requests', async (t) => {
  const accepted = await compareDamaged(request, wholeRequest, nodeReadsRequest);
  t.ok(accepted > 100, `${accepted} accepted`);
});

t.test('damaged responses', async (t) => {
  for (const method of ['GET', 'HEAD']) {
    const accepted = await compareDamaged(
      response,
      (text) => wholeResponse(text, method),
      (bytes) => nodeReadsResponse(bytes, method),
    );
    t.ok(accepted > 100, `${accepted} accepted`);
  }
});
