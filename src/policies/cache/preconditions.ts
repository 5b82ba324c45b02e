import { httpDateOf } from './http-date.ts';
import type { Values } from './variant.ts';

/** Validators of a stored response. */
export interface Validators {
  readonly etag: string | undefined;
  readonly lastModified: string | undefined;
  /** Date of the response, in its stead if it has no Last-Modified. */
  readonly date: string | undefined;
}

/** The client has the response already (RFC 9110 section 13.2.2): it gets a 304. If-None-Match takes precedence over If-Modified-Since. */
export function hasItAlready(request: Values, { etag, lastModified, date }: Validators): boolean {
  const tags = request.get('if-none-match');
  if (tags !== undefined) return tags.trim() === '*' || (etag !== undefined && tagsIn(tags).includes(opaque(etag)));
  const given = request.get('if-modified-since');
  if (given === undefined) return false;
  const since = httpDateOf(given);
  const changed = httpDateOf(lastModified ?? date);
  return since !== undefined && changed !== undefined && changed <= since;
}

/** The range that the client asks for belongs to this response (RFC 9110 section 13.1.5): If-Range is not there, or holds the strong tag or the date. */
export function rangeHolds(request: Values, { etag, lastModified }: Validators): boolean {
  const condition = request.get('if-range');
  return condition === undefined || (condition.startsWith('"') && condition === etag) || condition === lastModified;
}

/** The opaque parts of a list of entity tags: weak and strong ones compare alike (RFC 9110 section 8.8.3.2). */
function tagsIn(list: string): string[] {
  return [...list.matchAll(/(?:W\/)?("[^"]*")/g)].map(([, tag]) => tag as string);
}

function opaque(tag: string): string {
  return tag.startsWith('W/') ? tag.slice(2) : tag;
}
