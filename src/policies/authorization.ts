import type { HeaderFields } from '../http1/message/message-view.ts';

/** Text of the credentials that a request shows in Authorization, or why there are none: no field, another scheme, or several lines. */
export type ShownCredentials = { readonly text: string } | 'missing' | 'ambiguous';

/**
 * Reads Authorization (RFC 9110 section 11.6.2). Several lines are ambiguous: each server could choose another of them.
 *
 * @param scheme in lower case
 */
export function shownCredentials(headers: HeaderFields, scheme: string): ShownCredentials {
  const lines = headers.all('authorization');
  if (lines.length > 1) return 'ambiguous';
  const [, name, text = ''] = /^([^\s,]+) +([^\s,]+) *$/.exec(lines[0] ?? '') ?? [];
  return name?.toLowerCase() === scheme ? { text } : 'missing';
}
