import * as z from 'zod';

const pattern = /^([a-z][a-z0-9+.-]*:\/\/)(\*\.)?([^/?#@*\s]+)$/;

/** An origin as browsers send it, one with `*.` in front of its host, or `*`. It is kept in the spelling of browsers: without the scheme's own port. */
export const originPattern = z
  .string()
  .transform((given) => (given === '*' ? given : (normal(given) ?? given)))
  .refine(
    (given) => given === '*' || normal(given) !== undefined,
    'must be "*" or an origin, such as https://app.example.com or https://*.example.com',
  );

function normal(given: string): string | undefined {
  const [, scheme, wildcard = '', host] = pattern.exec(given.toLowerCase()) ?? [];
  if (scheme === undefined || !URL.canParse(`${scheme}${host}`)) return undefined;
  const parsed = new URL(`${scheme}${host}`);
  return /^[!-~]+$/.test(parsed.host) ? `${scheme}${wildcard}${parsed.host}` : undefined;
}

/** Origins of which a request's `Origin` must be one. */
export class OriginList {
  readonly #all: boolean;
  readonly #exact: ReadonlySet<string>;
  readonly #subdomains: readonly { readonly scheme: string; readonly ending: string }[];

  /** @param patterns results of {@link originPattern} */
  constructor(patterns: readonly string[]) {
    this.#all = patterns.includes('*');
    this.#exact = new Set(patterns.filter((one) => !one.includes('*')));
    this.#subdomains = patterns.flatMap((one) => {
      const [scheme, ending] = one.split('*');
      return ending ? [{ scheme: scheme as string, ending }] : [];
    });
  }

  /** Value of `Access-Control-Allow-Origin` for a request's `Origin`; undefined: none. */
  answerFor(origin: string): string | undefined {
    if (this.#all) return '*';
    return this.#exact.has(origin) || this.#subdomains.some((one) => isBelow(origin, one)) ? origin : undefined;
  }
}

/** True if whole labels of a host name are in front of the ending, and nothing else: `https://evil.com/.example.com` is no subdomain. */
function isBelow(origin: string, { scheme, ending }: { scheme: string; ending: string }): boolean {
  if (!origin.startsWith(scheme) || !origin.endsWith(ending)) return false;
  const labels = origin.slice(scheme.length, -ending.length);
  return /^[a-z0-9_-]+(\.[a-z0-9_-]+)*$/.test(labels);
}
