/** Octets of an answer's head, interim answers included, beyond which nobody goes on reading. */
const longest = 16 * 1024;
const beginning = 'HTTP/1.';

/**
 * The status that an HTTP/1 server's answer to a check begins with, once its head is complete; undefined before that.
 * No more is read than says whether somebody is well: interim answers (1xx) are passed over, fields are not looked at.
 */
export function statusIn(text: string): number | 'malformed' | undefined {
  if (!text.startsWith(beginning.slice(0, text.length))) return 'malformed';
  const end = /\r?\n\r?\n/.exec(text);
  if (end === null) return text.length > longest ? 'malformed' : undefined;
  const status = Number(/^HTTP\/1\.[01] ([1-5]\d\d)(?: [^\r\n]*)?\r?\n/.exec(text)?.[1] ?? 0);
  if (status === 0 || status === 101) return 'malformed';
  return status < 200 ? statusIn(text.slice(end.index + end[0].length)) : status;
}
