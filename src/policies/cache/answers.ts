import type { PolicyAnswer } from '../contract.ts';
import { byteRange } from './byte-range.ts';
import { hasItAlready, rangeHolds, type Validators } from './preconditions.ts';
import type { ReceivedRequest } from './received-request.ts';
import { ageOf, type Lines, type StoredResponse } from './stored-response.ts';

/** Fields of a 304 (RFC 9110 section 15.4.5), those that others add to any answer aside. */
const withoutBody: ReadonlySet<string> = new Set(['cache-control', 'content-location', 'date', 'etag', 'expires', 'last-modified', 'vary']);

/** Validators of a stored response. */
export function validatorsOf({ lines }: StoredResponse): Validators {
  return { etag: lines['etag']?.[0], lastModified: lines['last-modified']?.[0], date: lines['date']?.[0] };
}

/**
 * The answer to a request from a stored response: with its age, as a 304 or a part of it where the request asks for that.
 * @param status parameters of Cache-Status (RFC 9211)
 */
export function answerFrom(stored: StoredResponse, request: ReceivedRequest, now: number, status: string): PolicyAnswer {
  const age = Math.floor(Math.min(ageOf(stored, now), 2 ** 31 * 1000) / 1000);
  if (stored.status !== 200) return wholeAnswer(stored, age, status);
  const { lines, body } = stored;
  const validators = validatorsOf(stored);
  if (hasItAlready(request, validators)) return { status: 304, headers: { ...kept(lines), ...aboutCache(age, status) }, body: '' };
  const range = request.method === 'GET' && rangeHolds(request, validators) ? request.get('range') : undefined;
  const part = range === undefined ? undefined : byteRange(range, body.length);
  if (part === undefined) return wholeAnswer(stored, age, status);
  const about = aboutCache(age, status);
  if (part === 'unsatisfiable')
    return { status: 416, headers: { ...kept(lines), ...about, 'content-range': `bytes */${body.length}` }, body: '' };
  const contentRange = `bytes ${part.start}-${part.end - 1}/${body.length}`;
  return { status: 206, headers: { ...lines, ...about, 'content-range': contentRange }, body: body.subarray(part.start, part.end) };
}

function wholeAnswer(stored: StoredResponse, age: number, status: string): PolicyAnswer {
  const { latest, lines, body } = stored;
  if (latest?.lines === lines && latest.age === age && latest.status === status) return latest.answer;
  const answer = { status: stored.status, headers: { ...lines, ...aboutCache(age, status) }, body };
  stored.latest = { lines, age, status, answer };
  return answer;
}

function aboutCache(age: number, status: string): { readonly age: string; readonly 'cache-status': string } {
  return { age: String(age), 'cache-status': `sluice; ${status}` };
}

function kept(lines: Lines): Lines {
  return Object.fromEntries(Object.entries(lines).filter(([name]) => withoutBody.has(name)));
}
