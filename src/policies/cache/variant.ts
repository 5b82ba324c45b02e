/** Values of fields by name. */
export interface Values {
  get(name: string): string | undefined;
}

/** Names of the request fields that a response depends on, in lower case; undefined: it depends on more than fields (`*`). */
export function varyingFields(vary: string | undefined): readonly string[] | undefined {
  const names = (vary ?? '').split(',').flatMap((name) => name.trim().toLowerCase() || []);
  return names.includes('*') ? undefined : [...new Set(names)].sort();
}

/** Values of the fields in a request, as text that is equal for requests that get the same response (RFC 9111 section 4.1). */
export function variantOf(request: Values, names: readonly string[]): string {
  return names.map((name) => `${name}:${normalised(name, request.get(name))}`).join('\n');
}

/** White space around commas and semicolons has no meaning in lists, nor has case in languages, codings and types. */
function normalised(name: string, value: string | undefined): string {
  if (value === undefined) return '-';
  const text = value.replace(/[ \t]*([,;])[ \t]*/g, '$1').trim();
  return `=${/^accept(-language|-encoding|-charset)?$/.test(name) ? text.toLowerCase() : text}`;
}
