/**
 * Models of how servers read the path of a request target. Each returns the decoded segments that an application behind the server routes
 * by, or undefined if the server refuses the target. Octets are characters, as in Latin-1. The models are written from the servers' source
 * and documentation, and share nothing with Sluice's own code.
 */
export type Reader = (target: string) => readonly string[] | undefined;

/** nginx: decodes once, merges slashes, resolves dot segments; an encoded question mark is part of the path. */
function nginx(target: string): readonly string[] | undefined {
  const path = decode(pathOf(target));
  return path?.includes('\0') ? undefined : resolve(path?.split('/'), { merge: true, top: 'refuse' });
}

/** A WSGI server: PATH_INFO is decoded once, the rest is up to the application. */
function wsgi(target: string): readonly string[] | undefined {
  return decode(pathOf(target))?.split('/').slice(1);
}

/** A WSGI application that serves files, and looks them up with `posixpath.normpath` after it stripped white space. */
function wsgiFiles(target: string): readonly string[] | undefined {
  return resolve(decode(pathOf(target))?.trim().split('/'), { merge: true, top: 'stay' });
}

/** Python's `urlsplit` on the decoded target: white space within it vanishes, and an encoded `?` or `#` ends the path. */
function urlsplit(target: string): readonly string[] | undefined {
  const text = decode(pathOf(target))?.replace(/[\t\r\n]/g, '');
  return text?.split(/[?#]/, 1)[0]?.split('/').slice(1);
}

/** A servlet container: parameters are cut off each segment, then it is decoded; an encoded slash separates. */
function servlet(target: string): readonly string[] | undefined {
  const path = decode(pathOf(target).replace(/;[^/]*/g, ''));
  return path?.includes('\0') ? undefined : resolve(path?.split('/'), { merge: true, top: 'refuse' });
}

/** A servlet container that passes encoded slashes on within a segment, and reads a backslash as a slash. */
function servletPassthrough(target: string): readonly string[] | undefined {
  const raw = pathOf(target).replace(/;[^/]*/g, '');
  const segments = raw.split('/').flatMap((segment) => decode(segment)?.replaceAll('/', '\uffff').split('\\') ?? ['\0']);
  if (segments.some((segment) => segment.includes('\0'))) return undefined;
  return resolve(segments, { merge: true, top: 'refuse' })?.map((segment) => segment.replaceAll('\uffff', '/'));
}

/** A servlet container or framework that decodes first, and then cuts parameters off. */
function servletDecodesFirst(target: string): readonly string[] | undefined {
  const path = decode(pathOf(target))?.replace(/;[^/]*/g, '');
  return resolve(path?.split('/'), { merge: true, top: 'refuse' });
}

/** A Node.js program with the URL of the standard: dots are resolved, `//` begins a host, segments are decoded after splitting. */
function nodeUrl(target: string): readonly string[] | undefined {
  if (!URL.canParse(target, 'http://localhost')) return undefined;
  const { pathname } = new URL(target, 'http://localhost');
  return pathname
    .split('/')
    .slice(1)
    .map((segment) => decode(segment) ?? segment);
}

/** A Node.js program that decodes `request.url` before it parses it. */
function nodeDecodesFirst(target: string): readonly string[] | undefined {
  const text = decode(target);
  if (text === undefined || !URL.canParse(text, 'http://localhost')) return undefined;
  const { pathname } = new URL(text, 'http://localhost');
  return pathname
    .split('/')
    .slice(1)
    .map((segment) => decode(segment) ?? segment);
}

/** A Node.js program that splits `request.url` itself: nothing is decoded before it is split, nothing resolved. */
function nodeSplit(target: string): readonly string[] | undefined {
  return pathOf(target)
    .split('/')
    .slice(1)
    .map((segment) => decode(segment) ?? segment);
}

/** Go's `net/http`: decodes once, and its `ServeMux` cleans the path. */
function go(target: string): readonly string[] | undefined {
  return resolve(decode(pathOf(target))?.split('/'), { merge: true, top: 'stay' });
}

/** A chain of two servers that each decode. */
function decodesTwice(target: string): readonly string[] | undefined {
  return resolve(decodeTimes(pathOf(target), 2).split('/'), { merge: true, top: 'stay' });
}

/** A chain of four servers that each decode. */
function decodesOften(target: string): readonly string[] | undefined {
  return resolve(decodeTimes(pathOf(target), 4).split('/'), { merge: true, top: 'stay' });
}

/** A server on Windows, of the time when over-long UTF-8 was decoded: `\` is a slash, and the system drops spaces at the ends of names. */
function windows(target: string): readonly string[] | undefined {
  const path = decode(pathOf(target))?.replace(
    /[\xc0\xc1][\x80-\xbf]|\xe0[\x80\x81][\x80-\xbf]|\xf0\x80[\x80\x81][\x80-\xbf]/g,
    (octets) => {
      const lead = octets.charCodeAt(octets.length - 2);
      return String.fromCharCode(
        (((lead & (octets.length === 2 ? 0x1f : 0x3f)) << 6) | (octets.charCodeAt(octets.length - 1) & 0x3f)) & 0x7f,
      );
    },
  );
  const segments = path?.split(/[/\\]/).map((segment) => segment.replace(/ +$/, ''));
  return resolve(segments, { merge: true, top: 'stay' });
}

/** A server in C, whose strings end at NUL. */
function endsAtNul(target: string): readonly string[] | undefined {
  return resolve(decode(pathOf(target))?.split('\0', 1)[0]?.split('/'), { merge: true, top: 'stay' });
}

export const readers: ReadonlyMap<string, Reader> = new Map(
  Object.entries({
    nginx,
    wsgi,
    wsgiFiles,
    urlsplit,
    servlet,
    servletPassthrough,
    servletDecodesFirst,
    nodeUrl,
    nodeDecodesFirst,
    nodeSplit,
    go,
    decodesTwice,
    decodesOften,
    windows,
    endsAtNul,
  }),
);

function pathOf(target: string): string {
  return target.split(/[?#]/, 1)[0] as string;
}

/** Percent-decodes into octets; undefined if an encoding is broken. */
function decode(text: string): string | undefined {
  if (/%(?![0-9A-Fa-f]{2})/.test(text)) return undefined;
  return text.replace(/%(..)/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
}

function decodeTimes(text: string, times: number): string {
  let decoded = text;
  for (let left = times; left > 0; left--) decoded = decode(decoded) ?? decoded;
  return decoded;
}

/** Resolves dot segments. @param top what `..` does at the top @param segments the first, before the first slash, is dropped */
function resolve(
  segments: readonly string[] | undefined,
  { merge, top }: { merge: boolean; top: 'refuse' | 'stay' },
): readonly string[] | undefined {
  if (segments === undefined) return undefined;
  const kept: string[] = [];
  for (const segment of segments.slice(1)) {
    if (segment === '.' || (merge && segment === '')) continue;
    if (segment !== '..') kept.push(segment);
    else if (kept.pop() === undefined && top === 'refuse') return undefined;
  }
  return kept;
}
