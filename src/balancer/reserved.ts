/**
 * Whether `path` belongs to Sluice itself: `/.sluice` and what is below it, also in other spellings of the same path
 * that a server behind might resolve (RFC 3986 section 6.2.2: percent-encoding, dot segments, doubled slashes).
 */
export function reserved(path: string): boolean {
  // Nearly every path has none of these, and costs three scans.
  if (!path.includes('/.') && !path.includes('%') && !path.includes('//') && !path.includes('\\')) return false;
  let plain = path;
  try {
    plain = decodeURIComponent(path);
  } catch {
    // Not UTF-8 when decoded: it cannot spell our name in a way that a server would read, so its own form is judged.
  }
  const segments: string[] = [];
  for (const segment of plain.split(/[/\\]/)) {
    if (segment === '..') segments.pop();
    else if (segment !== '' && segment !== '.') segments.push(segment);
  }
  return segments[0]?.toLowerCase() === '.sluice';
}
