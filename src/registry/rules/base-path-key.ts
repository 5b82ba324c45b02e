const unreserved = /[A-Za-z0-9._~-]/;

/** Normal form of a base path: two base paths that match the same requests have the same key (RFC 3986 section 6.2.2). */
export function basePathKey(basePath: string): string {
  const decoded = basePath.replace(/%[0-9A-Fa-f]{2}/g, (triplet) => {
    const character = String.fromCharCode(Number.parseInt(triplet.slice(1), 16));
    return unreserved.test(character) ? character : triplet.toUpperCase();
  });
  return decoded.replace(/\/+$/, '') || '/';
}
