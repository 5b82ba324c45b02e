/** The field that tells browsers to use nothing but https for this time (RFC 6797); undefined: they are not told. */
export function hstsFields(ms: number): { readonly 'strict-transport-security': string } | undefined {
  return ms === 0 ? undefined : { 'strict-transport-security': `max-age=${Math.floor(ms / 1000)}` };
}
