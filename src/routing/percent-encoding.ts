/** Decodes unreserved characters (RFC 3986 section 6.2.2.2), and writes all other triplets in upper case. */
export function decodeUnreserved(path: string): string {
  return path.replace(/%[0-9A-Fa-f]{2}/g, (triplet) => {
    const character = characterOf(triplet);
    return /[A-Za-z0-9._~-]/.test(character) ? character : triplet.toUpperCase();
  });
}

/** Decodes visible characters, so that `%40` and `@` find the same base path. Keeps those that end or separate something for some reader. */
export function decodeVisible(path: string): string {
  if (!path.includes('%')) return path;
  return path.replace(/%[2-7][0-9A-F]/g, (triplet) => {
    const character = characterOf(triplet);
    return /[!-~]/.test(character) && !/[%/\\?#;]/.test(character) ? character : triplet;
  });
}

/** Percent-decodes a segment into octets, each of which is a character of the result: a path need not be UTF-8. */
export function decodeSegment(segment: string): string {
  const octets = /[^\0-\x7f]/.test(segment) ? Buffer.from(segment, 'utf8').toString('latin1') : segment;
  return octets.includes('%') ? octets.replace(/%[0-9A-Fa-f]{2}/g, characterOf) : octets;
}

/** ASCII characters in two to four octets, which old decoders accept. */
const overlong = /[\xc0\xc1][\x80-\xbf]|\xe0[\x80\x81][\x80-\xbf]|\xf0\x80[\x80\x81][\x80-\xbf]/g;
const mostEncodings = 4;

/** Decodes what servers may decode between them: characters encoded up to four times, over-long UTF-8 included. */
export function decodeRepeatedly(path: string): string {
  let text = path;
  for (let left = mostEncodings; left > 0 && text.includes('%'); left--)
    text = text.replace(/%[0-9A-Fa-f]{2}/g, characterOf).replace(overlong, (octets) => String.fromCharCode(lastBits(octets) & 0x7f));
  return text;
}

/** The last eight of the bits that the octets of a UTF-8 sequence carry. */
function lastBits(octets: string): number {
  return (octets.charCodeAt(octets.length - 2) << 6) | (octets.charCodeAt(octets.length - 1) & 0x3f);
}

function characterOf(triplet: string): string {
  return String.fromCharCode(Number.parseInt(triplet.slice(1), 16));
}
