import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { brotliDecompressSync, gunzipSync } from 'node:zlib';
import t from 'tap';
import { acceptedCoding } from '../../src/policies/accepted-coding.ts';
import type { PolicyAnswer } from '../../src/policies/contract.ts';
import { type Entry, FakeContext, faultsOf, policyOf } from './run-policy.ts';

t.test('bodyLimit: a known length is refused at once, any other is limited while it streams', async (t) => {
  const run = (headers: Record<string, string>) => {
    const context = new FakeContext({ method: 'POST', headers });
    const answer = policyOf({ bodyLimit: { bytes: 10 } }).run(context) as PolicyAnswer | undefined;
    return { status: answer?.status, code: answer && JSON.parse(String(answer.body)).code, limit: context.bodyLimit };
  };
  t.match(run({ 'content-length': '11' }), { status: 413, code: 'body-too-large' });
  t.match(run({ 'content-length': '10' }), { status: undefined, limit: 10 });
  t.match(run({}), { status: undefined, limit: 10 });
  t.match(faultsOf({ bodyLimit: {} }), [/bodyLimit\.bytes: /]);
  t.match(faultsOf({ bodyLimit: { bytes: -1 } }), [/bodyLimit\.bytes: /]);
  t.match(faultsOf({ bodyLimit: { bytes: 1 } }, 'proxyResponse'), [/cannot run at proxyResponse, only at: proxyRequest/]);
});

t.test('acceptedCoding: the client decides, then the order of the codings', async (t) => {
  const cases: [accepted: string | undefined, coding: string | undefined][] = [
    [undefined, undefined],
    ['', undefined],
    ['gzip', 'gzip'],
    ['x-gzip', 'gzip'],
    ['GZIP, br', 'br'],
    ['gzip;q=0.8, br;q=0.7', 'gzip'],
    ['gzip; q=0.5, identity', undefined],
    ['gzip, identity', 'gzip'],
    ['gzip;q=0, br;q=0', undefined],
    ['*', 'br'],
    ['*;q=0.1, br;q=0', 'gzip'],
    ['*;q=0', undefined],
    ['br;q=2, gzip;q=0.001', 'gzip'],
    ['br;q=x', undefined],
    ['deflate', undefined],
    [',,gzip;', 'gzip'],
  ];
  for (const [accepted, coding] of cases) t.equal(acceptedCoding(accepted, ['br', 'gzip']), coding, `${accepted}`);
});

/** Runs `compress` on a response with these fields. */
function compressing(settings: Entry, response: Record<string, string>, request: Record<string, string> = { 'accept-encoding': 'gzip' }) {
  const context = new FakeContext({ headers: request, response });
  policyOf({ compress: settings }, 'proxyResponse').run(context);
  return { context, headers: context.response?.headers };
}

t.test('compress: codes a response as the client accepts it', async (t) => {
  const text = 'hello '.repeat(1000);
  const unpack = { gzip: gunzipSync, br: brotliDecompressSync };
  for (const coding of ['gzip', 'br'] as const) {
    const { context, headers } = compressing(
      {},
      { 'content-type': 'text/html; charset=utf-8', etag: '"1"', vary: 'Origin', 'content-length': '6000' },
      { 'accept-encoding': coding },
    );
    t.match([headers?.get('content-encoding'), headers?.get('etag'), headers?.get('vary')], [coding, 'W/"1"', 'Origin, Accept-Encoding']);
    const packed = await buffer(Readable.from([Buffer.from(text)]).pipe(context.stream as NodeJS.ReadWriteStream));
    t.ok(packed.length < 500);
    t.equal(String(unpack[coding](packed)), text);
  }
});

t.test('compress: leaves alone what must not or need not be compressed', async (t) => {
  const json = { 'content-type': 'application/json' };
  const kept: [settings: Entry, response: Record<string, string>, request?: Record<string, string>][] = [
    [{}, { ...json, 'content-encoding': 'br' }],
    [{}, { ...json, 'cache-control': 'public, no-transform' }],
    [{}, json, { 'accept-encoding': 'gzip', 'cache-control': 'no-transform' }],
    [{}, { ...json, 'content-range': 'bytes 0-1/9' }],
    [{}, { ...json, 'content-length': '1023' }],
    [{}, { 'content-type': 'text/event-stream' }],
    [{}, { 'content-type': 'image/png' }],
    [{}, {}],
    [{ types: ['text/*'] }, json],
    [{ types: ['a*b/*c'] }, { 'content-type': 'ab/b' }],
  ];
  for (const [settings, response, request] of kept) {
    const { context, headers } = compressing(settings, response, request);
    t.strictSame([context.stream, headers?.lines], [undefined, Object.entries(response)], JSON.stringify([settings, response]));
  }
  const plain = compressing({}, json, {});
  t.strictSame([plain.context.stream, plain.headers?.get('vary')], [undefined, 'Accept-Encoding'], 'another client gets another response');
  for (const type of ['application/problem+json', 'TEXT/CSV', 'image/svg+xml'])
    t.ok(compressing({}, { 'content-type': type }).context.stream, type);
  t.ok(compressing({ types: ['a*b/*c'] }, { 'content-type': 'ab/c' }).context.stream);
});

t.test('compress: faulty settings are refused', async (t) => {
  t.match(faultsOf({ compress: { encodings: ['deflate'] } }, 'proxyResponse'), [/compress\.encodings\.0: /]);
  t.match(faultsOf({ compress: { encodings: [] } }, 'proxyResponse'), [/needs at least one of br, gzip/]);
  t.match(faultsOf({ compress: { types: ['text'] } }, 'proxyResponse'), [/must be a content type/]);
  t.match(faultsOf({ compress: { minBytes: -1 } }, 'proxyResponse'), [/compress\.minBytes: /]);
  t.match(faultsOf({ compress: {} }, 'targetResponse'), [/cannot run at targetResponse/]);
});
