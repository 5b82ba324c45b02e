/** Limit of a response's head in octets, interim responses included. */
const maxHeadBytes = 16 * 1024;
const prefix = 'HTTP/1.';

/**
 * Reads the status of an HTTP/1 response from its beginning; undefined as long as its head is incomplete. Skips interim responses (1xx),
 * and does not parse the fields, because a health check needs only the status.
 */
export function responseStatus(text: string): number | 'malformed' | undefined {
  if (!text.startsWith(prefix.slice(0, text.length))) return 'malformed';
  const end = /\r?\n\r?\n/.exec(text);
  if (end === null) return text.length > maxHeadBytes ? 'malformed' : undefined;
  const status = Number(/^HTTP\/1\.[01] ([1-5]\d\d)(?: [^\r\n]*)?\r?\n/.exec(text)?.[1] ?? 0);
  if (status === 0 || status === 101) return 'malformed';
  return status < 200 ? responseStatus(text.slice(end.index + end[0].length)) : status;
}

/** Value of a field in the head whose status {@link responseStatus} returned; undefined if it has none. `name` in lower case. */
export function responseField(text: string, name: string): string | undefined {
  const [head = ''] = text.split(/\r?\n\r?\n/, 1);
  if (/^HTTP\/1\.[01] 1/.test(head)) return responseField(text.slice(head.length).replace(/^\r?\n\r?\n/, ''), name);
  for (const line of head.split(/\r?\n/).slice(1)) {
    const colon = line.indexOf(':');
    if (line.slice(0, colon).toLowerCase() === name) return line.slice(colon + 1).trim();
  }
  return undefined;
}
