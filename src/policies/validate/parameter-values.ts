import type { RequestView } from '../../http1/message/message-view.ts';
import type { Parameter } from '../../model/imported-api.ts';

/** Texts of parameters as they stand in one request, still encoded where an encoded delimiter differs from a plain one. */
export interface ParameterTexts {
  /** Each text that the request has for a name. */
  all(place: Parameter['in'], name: string): readonly string[];
  /** Names of query parameters. */
  readonly queryNames: readonly string[];
}

/** A name or value whose percent-encoding is broken. */
export class BrokenEncoding extends Error {}

/** The parts of a request that policies take parameters from. */
export interface ParameterSource {
  readonly request: Pick<RequestView, 'target' | 'headers'>;
  parameter(name: string): string | undefined;
}

/** Finds the parameters of a request. Query and cookies are parsed when the first of their parameters is looked for. */
export class RequestParameters implements ParameterTexts {
  readonly #source: ParameterSource;
  #query: ReadonlyMap<string, string[]> | undefined;
  #cookies: ReadonlyMap<string, string[]> | undefined;

  constructor(source: ParameterSource) {
    this.#source = source;
  }

  get queryNames(): readonly string[] {
    return [...this.#queryTexts().keys()];
  }

  all(place: Parameter['in'], name: string): readonly string[] {
    const { request } = this.#source;
    switch (place) {
      case 'query':
        return this.#queryTexts().get(name) ?? [];
      case 'cookie':
        this.#cookies ??= cookiesOf(request.headers.all('cookie'));
        return this.#cookies.get(name) ?? [];
      case 'header':
        return request.headers.all(name);
      case 'path': {
        const text = this.#source.parameter(name);
        // One character for each octet; the octets are UTF-8.
        return text === undefined ? [] : [Buffer.from(text, 'latin1').toString()];
      }
    }
  }

  #queryTexts(): ReadonlyMap<string, string[]> {
    const { target } = this.#source.request;
    const start = target.indexOf('?');
    this.#query ??= pairsOf(start === -1 ? '' : target.slice(start + 1));
    return this.#query;
  }
}

/** The names and values of a form or query (application/x-www-form-urlencoded); names are decoded, values not yet. */
export function pairsOf(text: string): Map<string, string[]> {
  const pairs = new Map<string, string[]>();
  for (const pair of text.split('&')) {
    if (pair === '') continue;
    const equals = pair.indexOf('=');
    const raw = equals === -1 ? pair : pair.slice(0, equals);
    let name = raw;
    try {
      name = decoded(raw);
    } catch {
      // No parameter of the description has such a name.
    }
    append(pairs, name, equals === -1 ? '' : pair.slice(equals + 1));
  }
  return pairs;
}

/** Decodes a part of a form or query. Throws a {@link BrokenEncoding}. */
export function decoded(text: string): string {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '));
  } catch {
    throw new BrokenEncoding('has a broken percent-encoding');
  }
}

function cookiesOf(lines: readonly string[]): Map<string, string[]> {
  const cookies = new Map<string, string[]>();
  for (const pair of lines.flatMap((line) => line.split(';'))) {
    const equals = pair.indexOf('=');
    if (equals !== -1)
      append(
        cookies,
        pair.slice(0, equals).trim(),
        pair
          .slice(equals + 1)
          .trim()
          .replace(/^"(.*)"$/, '$1'),
      );
  }
  return cookies;
}

function append(map: Map<string, string[]>, name: string, value: string): void {
  const known = map.get(name);
  if (known === undefined) map.set(name, [value]);
  else known.push(value);
}
