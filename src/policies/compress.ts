import { constants, createBrotliCompress, createGzip } from 'node:zlib';
import * as z from 'zod';
import type { BodyStream } from '../http1/message/bodies.ts';
import type { HeaderFields, ResponseView } from '../http1/message/message-view.ts';
import { acceptedCoding } from './accepted-coding.ts';
import type { PolicyType } from './contract.ts';

/** Content types that shrink, as patterns. */
const shrinking = [
  'text/*',
  '*/*+json',
  '*/*+xml',
  'application/json',
  'application/javascript',
  'application/xml',
  'application/wasm',
  'application/x-ndjson',
  'application/graphql-response+json',
  'image/svg+xml',
  'font/ttf',
  'font/otf',
];

const settings = z.strictObject({
  encodings: z
    .array(z.enum(['br', 'gzip']))
    .min(1, 'needs at least one of br, gzip')
    .default(['br', 'gzip'])
    .meta({ description: 'codings that clients may get, the one that is taken first if a client likes several alike first' }),
  minBytes: z.int().min(0).default(1024).meta({
    title: 'bytes',
    description: 'a response whose Content-Length is smaller is sent as it is. One without Content-Length is compressed',
  }),
  types: z
    .array(z.string().regex(/^[a-z0-9!#$&^_.+*-]+\/[a-z0-9!#$&^_.+*-]+$/i, 'must be a content type such as text/html, text/* or */*+json'))
    .min(1, 'needs at least one content type')
    .default(shrinking)
    .meta({ description: 'content types that are compressed; `*` stands for any text' }),
});

/** Little work for each octet: responses are compressed once for each client, while it waits. */
const gzipLevel = 5;
const brotliQuality = 4;
const brotliWindowBits = 19;

const compressors: Readonly<Record<'br' | 'gzip', () => BodyStream>> = {
  gzip: () => createGzip({ level: gzipLevel }),
  br: () =>
    createBrotliCompress({
      params: { [constants.BROTLI_PARAM_QUALITY]: brotliQuality, [constants.BROTLI_PARAM_LGWIN]: brotliWindowBits },
    }),
};

/**
 * Compresses responses with brotli or gzip as the client accepts it, while they stream. Leaves alone what is coded already, parts of a
 * representation, streams of server-sent events and what `Cache-Control: no-transform` protects. A strong ETag becomes a weak one, because the octets
 * differ from the target's.
 */
export const compress: PolicyType<typeof settings> = {
  settings,
  dry: true,
  points: ['proxyResponse'],
  *create({ encodings, minBytes, types }) {
    const patterns = types.map((type) => type.toLowerCase().split('*'));
    return {
      run(context) {
        const { request, response } = context;
        if (response === undefined || !compressible(response, patterns) || forbidsTransforms(request.headers)) return undefined;
        const { headers } = response;
        const length = headers.get('content-length');
        if (length !== undefined && Number(length) < minBytes) return undefined;
        addVary(headers);
        const coding = acceptedCoding(request.headers.get('accept-encoding'), encodings);
        if (coding === undefined || !context.transformResponse(compressors[coding])) return undefined;
        headers.set('Content-Encoding', coding);
        weakenTag(headers);
        return undefined;
      },
    };
  },
};

function compressible({ status, headers }: ResponseView, patterns: readonly (readonly string[])[]): boolean {
  if (status < 200 || status === 206 || headers.get('content-range') !== undefined) return false;
  const coded = headers.get('content-encoding');
  if (coded !== undefined && coded.trim().toLowerCase() !== 'identity') return false;
  if (forbidsTransforms(headers)) return false;
  const type = (headers.get('content-type') ?? '').split(';')[0]?.trim().toLowerCase() ?? '';
  return type !== 'text/event-stream' && patterns.some((pattern) => fits(type, pattern));
}

/** The text consists of the pieces, in order, with any text between two of them. */
function fits(text: string, [first = '', ...rest]: readonly string[]): boolean {
  if (rest.length === 0) return text === first;
  const last = rest.pop() as string;
  if (!text.startsWith(first) || text.length < first.length + last.length || !text.endsWith(last)) return false;
  const end = text.length - last.length;
  let at = first.length;
  for (const piece of rest) {
    const found = text.indexOf(piece, at);
    if (found < 0 || found + piece.length > end) return false;
    at = found + piece.length;
  }
  return true;
}

/** RFC 9111 sections 5.2.1.6 and 5.2.2.6. */
function forbidsTransforms(headers: HeaderFields): boolean {
  return /(^|,)\s*no-transform\s*(,|$)/i.test(headers.get('cache-control') ?? '');
}

function addVary(headers: HeaderFields): void {
  const before = headers.get('vary');
  if (before === undefined) headers.set('Vary', 'Accept-Encoding');
  else if (!/(^|,)\s*(\*|accept-encoding)\s*(,|$)/i.test(before)) headers.set('Vary', `${before}, Accept-Encoding`);
}

function weakenTag(headers: HeaderFields): void {
  const tag = headers.get('etag');
  if (tag?.startsWith('"')) headers.set('ETag', `W/${tag}`);
}
