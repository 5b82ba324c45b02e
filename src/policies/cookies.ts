import type { HeaderFields } from '../http1/message/message-view.ts';

/** Values of all cookies with this name, in their order (RFC 6265 section 5.4). */
export function cookieValues(headers: HeaderFields, name: string): string[] {
  return pairsOf(headers).flatMap((pair) => (nameIn(pair) === name ? [pair.slice(pair.indexOf('=') + 1).trim()] : []));
}

/** Finds the value of a cookie; undefined: there is none; null: there are several, of which each server could read another. */
export function cookieValue(headers: HeaderFields, name: string): string | undefined | null {
  const values = cookieValues(headers, name);
  return values.length > 1 ? null : values[0];
}

/** Removes the cookies whose names `drops` accepts; the field, if none is left. */
export function removeCookies(headers: HeaderFields, drops: (name: string) => boolean): void {
  const pairs = pairsOf(headers);
  const kept = pairs.filter((pair) => !drops(nameIn(pair)));
  if (kept.length === pairs.length) return;
  if (kept.length === 0) headers.remove('cookie');
  else headers.set('cookie', kept.join('; '));
}

function pairsOf(headers: HeaderFields): string[] {
  return headers.all('cookie').flatMap((line) => line.split(';').flatMap((pair) => pair.trim() || []));
}

function nameIn(pair: string): string {
  const end = pair.indexOf('=');
  return (end === -1 ? pair : pair.slice(0, end)).trim();
}
