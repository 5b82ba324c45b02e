/** Removes and sets parameters of queries. */
export class QueryEdit {
  /** Octets of the names that are removed, those that are set included. */
  readonly #removed: ReadonlySet<string>;

  /** @param names parameters to remove */
  constructor(names: Iterable<string>) {
    this.#removed = new Set([...names].map((name) => Buffer.from(name, 'utf8').toString('latin1')));
  }

  /**
   * @param query with its `?`, or empty
   * @param added encoded parameters to add, `name=value`
   */
  apply(query: string, added: readonly string[]): string {
    const kept =
      query.length > 1
        ? query
            .slice(1)
            .split('&')
            .filter((one) => !this.#removed.has(nameOf(one)))
        : [];
    const parts = [...kept, ...added];
    return parts.length === 0 ? '' : `?${parts.join('&')}`;
  }
}

/** Value of a parameter in the query of a request's target, in octets; undefined: there is none; null: there are several, of which each server could read another. */
export function parameterValue(target: string, name: string): string | undefined | null {
  const start = target.indexOf('?');
  if (start === -1) return undefined;
  const found = target
    .slice(start + 1)
    .split('&')
    .filter((one) => nameOf(one) === name);
  if (found.length > 1) return null;
  const [parameter] = found;
  return parameter && octetsOf(parameter.slice(parameter.indexOf('=') === -1 ? parameter.length : parameter.indexOf('=') + 1));
}

/** Name of an encoded parameter in octets. */
function nameOf(parameter: string): string {
  return octetsOf(parameter.split('=', 1)[0] ?? '');
}

/** Octets of an encoded text, as servers read it: `%61` is `a`, and `+` a space. */
function octetsOf(encoded: string): string {
  return encoded
    .replaceAll('+', ' ')
    .replace(/%([0-9A-Fa-f]{2})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 16)));
}
