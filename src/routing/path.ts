import { lenientReadings } from './lenient-readings.ts';
import { decodeUnreserved, decodeVisible } from './percent-encoding.ts';

/** A request path: the form that is forwarded, and every form that a target could read in it. */
export interface PathReading {
  /** Normal form, which a target is sent. */
  readonly path: string;
  /**
   * Forms to look up: of `path` itself, then of each way in which a more lenient server reads `path`. No form has a dot segment.
   * Visible characters are decoded in them, except those that could be read as more than a character.
   */
  readonly forms: readonly [string, ...string[]];
  /** True if the path has an encoded slash or backslash, encoded once or twice. */
  readonly encodedSlash: boolean;
}

/**
 * Reads a request path, the one way for both roles. Returns undefined if no policy could be chosen for the path safely (answered with 400).
 *
 * - `.` and `..` segments are removed, percent-encoded dots included (RFC 3986 sections 5.2.4 and 6.2.2.3);
 * - runs of `/` become one `/`, unless `mergeSlashes` is false: most servers read them so;
 * - percent-encoded unreserved characters are decoded, other triplets are kept in upper case, for example `%2F`
 *   (section 6.2.2);
 * - broken triplets, `\`, NUL, over-long UTF-8 and dot segments in any other spelling are refused.
 *
 * @param given origin-form path without query, starting with `/`
 */
export function readPath(given: string, mergeSlashes = true): PathReading | undefined {
  if (isPlainPath(given)) return { path: given, forms: [given], encodedSlash: false };
  if (given.charCodeAt(0) !== slash || /[\\\0-\x20\x7f]|%(?![0-9A-Fa-f]{2})/.test(given)) return undefined;
  const path = withoutDots(decodeUnreserved(given), mergeSlashes);
  const readings = lenientReadings(path);
  if (readings === undefined) return undefined;
  const forms = readings.map(decodeVisible);
  if (forms.length === 1) return { path, forms: forms as [string], encodedSlash: false };
  return { path, forms: [...new Set(forms)] as [string, ...string[]], encodedSlash: /%(?:25)?(?:2F|5C)/i.test(path) };
}

const slash = 0x2f;

/** True if every server reads the path in the same way, so that it is its own normal form. Almost every path is; the check does not allocate. */
export function isPlainPath(path: string): boolean {
  let afterSlash = false;
  for (let index = 0; index < path.length; index++) {
    const code = path.charCodeAt(index);
    if (code === 0x25 || code === 0x3b || code === 0x5c || code <= 0x20 || code >= 0x7f) return false;
    if (afterSlash && (code === slash || code === 0x2e)) return false;
    afterSlash = code === slash;
  }
  return path.charCodeAt(0) === slash;
}

/** Removes dot segments, and empty segments if slashes are merged. */
function withoutDots(text: string, mergeSlashes: boolean): string {
  const kept: string[] = [];
  const segments = text.split('/');
  const last = segments.length - 1;
  for (let index = 1; index <= last; index++) {
    const segment = segments[index] as string;
    if (segment === '..') kept.pop();
    else if (segment === '' ? !mergeSlashes && index < last : segment !== '.') kept.push(segment);
  }
  const folder = /(?:^|\/)\.{0,2}$/.test(text);
  return kept.length === 0 ? '/' : `/${kept.join('/')}${folder ? '/' : ''}`;
}
