import t, { type Test } from 'tap';
import { BodyReader } from '../../src/http1/message/body-reader.ts';
import type { BodySink } from '../../src/http1/message/chunked-decoder.ts';
import { wireFaults } from '../../src/http1/message/wire-fault.ts';
import { nodeReadsRequest, nodeReadsResponse, type Reading } from './node-oracle.ts';
import type { Fate, Published } from './published.ts';
import { publishedRequests } from './published-requests.ts';
import { publishedResponses } from './published-responses.ts';
import { readRequest, readResponse } from './reading.ts';

/** Reads the body at the start of `text`. */
function readBody(body: BodyReader, text: string) {
  const octets = Buffer.from(text, 'latin1');
  let content = '';
  const sink: BodySink = {
    data(buffer, start, end) {
      content += buffer.toString('latin1', start, end);
    },
  };
  const end = body.read(octets, 0, octets.length, sink);
  return {
    content: content === '' ? '' : ` ${content}`,
    after: text.slice(end),
    code: body.fault?.code,
    broken: !body.complete && !body.untilClose,
  };
}

/** Reads `text` with Sluice, as a connection with a client does. */
function requestFate(text: string): Fate {
  const fate: string[] = [];
  for (let rest = text; rest !== ''; ) {
    const { consumed, head, code } = readRequest(rest);
    if (code !== undefined) return fate.length === 0 ? code : [...fate, code];
    if (consumed === 0) return [...fate, '…'];
    const body = readBody(BodyReader.ofRequest(head), rest.slice(consumed));
    fate.push(`${head.method} ${head.target()}${body.content}${body.broken && body.code === undefined ? ' …' : ''}`);
    if (body.code !== undefined) return [...fate, body.code];
    if (head.upgrade && head.contentLength <= 0 && !head.chunked) return [...fate, 'upgrade'];
    if (!head.keepAlive && body.after !== '') return [...fate, 'closes'];
    rest = body.after;
  }
  return fate;
}

/** Reads `text` with Sluice, as the response to one GET. */
function responseFate(text: string): Fate {
  const fate: string[] = [];
  for (let rest = text; ; ) {
    const { consumed, head, code } = readResponse(rest);
    if (code !== undefined) return fate.length === 0 ? code : [...fate, code];
    if (consumed === 0) return [...fate, '…'];
    if (head.status < 200 && head.status !== 101) {
      fate.push(`${head.status}`);
      rest = rest.slice(consumed);
      continue;
    }
    const body = readBody(BodyReader.ofResponse(head, 'GET'), rest.slice(consumed));
    fate.push(`${head.status}${body.content}`);
    if (body.code !== undefined) return [...fate, body.code];
    if (body.after === '' || head.status === 101) return fate;
    return [...fate, head.keepAlive ? 'beyond' : 'closes'];
  }
}

/** Puts a result of Node into the words of the table. */
function verdictOf(reading: Reading): string {
  if (!('fault' in reading)) return 'takes';
  return reading.fault === 'HPE_INVALID_EOF_STATE' || reading.fault === 'ECONNRESET' ? 'waits' : 'refuses';
}

/** True if the result is free of faults. */
function taken(fate: Fate): boolean {
  const codes: readonly string[] = Object.values(wireFaults).map(({ code }) => code);
  return typeof fate !== 'string' && !fate.some((word) => codes.includes(word));
}

const major = Number.parseInt(process.versions['llhttp'] ?? '0', 10);

/** Reads every message with Sluice and with the Node that runs this test, and requires a reason wherever the two differ. */
async function compare(t: Test, table: readonly Published[], fateOf: (text: string) => Fate, oracle: (bytes: Buffer) => Promise<Reading>) {
  for (const [about, text, llhttp, sluice, reason] of table) {
    t.strictSame(fateOf(text), sluice, about);
    const same = llhttp === 'waits' ? fateOf(text).at(-1)?.endsWith('…') : taken(sluice) === (llhttp === 'takes');
    t.equal(reason !== undefined, llhttp === 'by release' || !same, `${about}: a reason where the two differ, and only there`);
    // The table describes releases 9 of llhttp.
    if (major === 9 && llhttp !== 'by release') t.equal(verdictOf(await oracle(Buffer.from(text, 'latin1'))), llhttp, `${about}: llhttp`);
  }
}

t.test("requests of llhttp's tests", (t) => compare(t, publishedRequests, requestFate, nodeReadsRequest));

t.test("responses of llhttp's tests", (t) => compare(t, publishedResponses, responseFate, (bytes) => nodeReadsResponse(bytes, 'GET')));
