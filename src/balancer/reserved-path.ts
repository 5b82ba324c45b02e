import { reservedPath } from '../model/reserved-path.ts';

/**
 * True if `path` is reserved for Sluice: `/.sluice` and every path below it, also in other spellings that a server behind the
 * balancer might resolve to it (RFC 3986 section 6.2.2: percent-encoding, dot segments, doubled slashes).
 */
export function isReservedPath(path: string): boolean {
  // Fast way out: nearly every path contains none of these, and costs four scans.
  if (!path.includes('/.') && !path.includes('%') && !path.includes('//') && !path.includes('\\')) return false;
  let plain = path;
  try {
    plain = decodeURIComponent(path);
  } catch {
    // The decoded path is not UTF-8, so no server would read /.sluice in it: compare the undecoded form.
  }
  const segments: string[] = [];
  for (const segment of plain.split(/[/\\]/)) {
    if (segment === '..') segments.pop();
    else if (segment !== '' && segment !== '.') segments.push(segment);
  }
  return `/${segments[0]?.toLowerCase()}` === reservedPath;
}
