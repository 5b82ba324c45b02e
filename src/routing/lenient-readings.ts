import { decodeUnreserved } from './percent-encoding.ts';

/** Steps that some server takes when it reads a path, in this order; each server takes some of them. */
const steps: readonly ((text: string) => string)[] = [
  decodeAgain,
  // A servlet container cuts parameters off before it decodes, others afterwards.
  (text) => text.replace(/;[^/]*/g, ''),
  (text) => text.replaceAll('%2F', '/'),
  (text) => text.replaceAll('%5C', '/'),
  (text) => text.replace(/(?:;|%3B)[^/]*/g, ''),
  // A program that decodes before it looks for the query finds it here.
  (text) => text.replace(/%(?:3F|23).*/, ''),
  // Parsers of URLs remove tabs and line ends; file systems and applications, white space at the ends of names.
  (text) => text.replace(/%0[9AD]/g, ''),
  (text) => trimmed(text, space, false),
  (text) => trimmed(text, space, true),
  (text) => trimmed(text, blank, true),
  (text) => text.replace(/\/{2,}/g, '/'),
  // A program that decodes the whole path and splits it decodes the segments once more: a slash that was encoded twice is then no separator.
  decodeAgain,
];

/** Limit of readings, and of their characters together, so that no path costs much; paths of honest clients have four at most. */
const maxReadings = 32;
const maxCharacters = 65_536;

/** Found in each path that some step changes or that is refused, and in few others. */
const suspicious = /;|\/\/|%(?:2[35F]|3[BF]|5C|[01]|7F|20(?:%|\/|$)|C[01]|E0%[89]|F0%8|F[8C])|\/%20/;
const dotSegment = /\/\.{1,2}(?:\/|$)/;
/** ASCII characters in two to six octets, which old decoders accept. */
const overlong = /%C[01]%[89AB]|%E0%[89]|%F0%8|%F8%8[0-7]|%FC%8[0-3]/;

/**
 * Returns every reading of a path in normal form, beginning with the path itself. Undefined if one of them has a dot segment or NUL, if a
 * character is in over-long UTF-8 or was encoded more than twice, or if there are too many readings.
 */
export function lenientReadings(path: string): string[] | undefined {
  if (!suspicious.test(path)) return [path];
  let readings = [path];
  for (const step of steps) {
    const added = readings.map(step).filter((text, index) => text !== readings[index]);
    readings = [...new Set([...readings, ...added])];
    if (readings.length > maxReadings || readings.length * path.length > maxCharacters) return undefined;
  }
  return readings.some((text) => dotSegment.test(text) || /%00/.test(text) || overlong.test(text)) || isEncodedOften(path)
    ? undefined
    : readings;
}

/** Decodes what was encoded twice, so that it is encoded once. */
function decodeAgain(text: string): string {
  return text.replace(/%25([0-9A-Fa-f]{2})/g, (_, digits: string) => decodeUnreserved(`%${digits}`));
}

function isEncodedOften(path: string): boolean {
  return /%25[0-9A-Fa-f]{2}/.test(decodeAgain(path));
}

const space = /^%20$/;
const blank = /^%(?:[01].|20|7F)$/;

/** Removes encoded characters from the end of each segment, and if `both`, from its beginning. */
function trimmed(text: string, kind: RegExp, both: boolean): string {
  if (!/%(?:[01]|20|7F)/.test(text)) return text;
  return text
    .split('/')
    .map((segment) => {
      let start = 0;
      let end = segment.length;
      while (both && kind.test(segment.slice(start, start + 3))) start += 3;
      while (end > start && kind.test(segment.slice(end - 3, end))) end -= 3;
      return segment.slice(start, end);
    })
    .join('/');
}
