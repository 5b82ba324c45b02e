/**
 * Returns the normal form of a request path. It is both matched and forwarded, so that a target cannot read a path different from the one
 * that the policies were chosen for. Returns undefined if servers could read the path in different ways (answered with 400).
 *
 * - `.` and `..` segments are removed, percent-encoded dots included (RFC 3986 sections 5.2.4 and 6.2.2.3);
 * - runs of `/` become one `/`: most servers read them so, and `/base//admin` must not bypass the resource `/admin`;
 * - percent-encoded unreserved characters are decoded, other triplets are kept in upper case, for example `%2F`
 *   (section 6.2.2);
 * - broken triplets are refused, as are `%00`, `\` (some servers read it as `/`), and `..;x` (servlet containers read it as `..`).
 *
 * @param path origin-form path without query, starting with `/`
 */
export function normalisePath(path: string): string | undefined {
  return isPlain(path) ? path : rebuild(path);
}

const slash = 0x2f;

/** True if the path is in normal form already. Almost every path is, so this check does not allocate. */
function isPlain(path: string): boolean {
  let afterSlash = false;
  for (let index = 0; index < path.length; index++) {
    const code = path.charCodeAt(index);
    if (code === 0x25 || code === 0x5c || code <= 0x20 || code >= 0x7f) return false;
    if (afterSlash && (code === slash || code === 0x2e)) return false;
    afterSlash = code === slash;
  }
  return path.charCodeAt(0) === slash;
}

function rebuild(path: string): string | undefined {
  if (path.charCodeAt(0) !== slash || /[\\\0-\x20\x7f]|%(?![0-9A-Fa-f]{2})|%00/.test(path)) return undefined;
  const text = path.replace(/%[0-9A-Fa-f]{2}/g, decodeUnreserved);
  const kept: string[] = [];
  const segments = text.split('/');
  const last = segments.length - 1;
  for (let index = 1; index <= last; index++) {
    const segment = segments[index] as string;
    if (/^\.{1,2};/.test(segment)) return undefined;
    if (segment === '..') kept.pop();
    else if (segment !== '' && segment !== '.') kept.push(segment);
  }
  const folder = /(?:^|\/)\.{0,2}$/.test(text);
  return kept.length === 0 ? '/' : `/${kept.join('/')}${folder ? '/' : ''}`;
}

function decodeUnreserved(triplet: string): string {
  const character = String.fromCharCode(Number.parseInt(triplet.slice(1), 16));
  return /[A-Za-z0-9._~-]/.test(character) ? character : triplet.toUpperCase();
}

/** Percent-decodes a segment. A segment that is not UTF-8 when decoded is returned unchanged. */
export function decodeSegment(segment: string): string {
  if (!segment.includes('%')) return segment;
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}
