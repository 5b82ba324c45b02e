/**
 * The one form of a request path that is both matched and forwarded, so that no target can read another path than the
 * one its policies were chosen by; undefined if the path is none that can be trusted to mean the same everywhere (400).
 *
 * - `.` and `..` segments are removed, percent-encoded dots included (RFC 3986 sections 5.2.4 and 6.2.2.3);
 * - runs of `/` are one `/`: most servers read them so, and `/base//admin` must not slip past the resource `/admin`;
 * - percent-encoded unreserved characters are decoded, other triplets keep their meaning in upper case: `%2F` stays
 *   (section 6.2.2);
 * - refused are broken triplets, `%00`, `\` (a `/` to some servers), and `..;x` (a `..` to servlet containers).
 *
 * @param path origin-form path without query, starting with `/`
 */
export function normalisePath(path: string): string | undefined {
  return isPlain(path) ? path : rebuild(path);
}

const slash = 0x2f;

/** Whether there is nothing in it to look at twice; almost every path, so it is told without allocating. */
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

/** What a segment says to those who read it; a triplet that is no UTF-8 stands for itself. */
export function decodeSegment(segment: string): string {
  if (!segment.includes('%')) return segment;
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}
