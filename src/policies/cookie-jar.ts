import type { HeaderFields } from '../http1/message/message-view.ts';
import { cookieValues, removeCookies } from './cookies.ts';

/** Browsers refuse cookies of more than 4096 octets, attributes included. */
const chunkCharacters = 3500;
const mostChunks = 8;

/** Place of cookies: they are sent back below `path`, and only over TLS if they are secure. */
export interface CookiePlace {
  readonly path: string;
  readonly secure: boolean;
}

/** Reads and writes the cookies of one policy, of which scripts in pages see none. A long value is in several cookies. */
export class CookieJar {
  readonly #name: string;

  /** @param name all names begin with it */
  constructor(name: string) {
    this.#name = name;
  }

  /** The value with this suffix; undefined: there is none, or several, or a part is missing. */
  read(headers: HeaderFields, suffix: string): string | undefined {
    const [first, ...others] = cookieValues(headers, this.#name + suffix);
    if (first === undefined || others.length > 0) return undefined;
    const [, count = '', start = ''] = /^(\d)\.(.*)$/s.exec(first) ?? [];
    if (count === '' || Number(count) > mostChunks) return undefined;
    let value = start;
    for (let index = 1; index < Number(count); index++) {
      const parts = cookieValues(headers, `${this.#name}${suffix}.${index}`);
      if (parts.length !== 1) return undefined;
      value += parts[0];
    }
    return value;
  }

  /** Values of Set-Cookie that store a value, and remove what the client has left of a longer one. undefined: the value is too long. */
  write(suffix: string, value: string, place: CookiePlace & { maxAgeS: number }, headers: HeaderFields): string[] | undefined {
    const count = Math.max(1, Math.ceil(value.length / chunkCharacters));
    if (count > mostChunks) return undefined;
    const lines: string[] = [];
    for (let index = 0; index < mostChunks; index++) {
      const name = this.#nameOf(suffix, index);
      const chunk = value.slice(index * chunkCharacters, (index + 1) * chunkCharacters);
      if (index < count) lines.push(line(name, index === 0 ? `${count}.${chunk}` : chunk, place, place.maxAgeS));
      else if (cookieValues(headers, name).length > 0) lines.push(line(name, '', place, 0));
    }
    return lines;
  }

  /** Values of Set-Cookie that remove all cookies with this suffix that the client has. */
  remove(suffix: string, place: CookiePlace, headers: HeaderFields): string[] {
    const names = Array.from({ length: mostChunks }, (_, index) => this.#nameOf(suffix, index));
    return names.filter((name) => cookieValues(headers, name).length > 0).map((name) => line(name, '', place, 0));
  }

  /** Removes the cookies from a request, so that the target gets none of them. */
  hide(headers: HeaderFields): void {
    removeCookies(headers, (name) => name.startsWith(this.#name));
  }

  #nameOf(suffix: string, index: number): string {
    return index === 0 ? this.#name + suffix : `${this.#name}${suffix}.${index}`;
  }
}

function line(name: string, value: string, { path, secure }: CookiePlace, maxAgeS: number): string {
  return `${name}=${value}; Path=${path}; Max-Age=${maxAgeS}; HttpOnly; SameSite=Lax${secure ? '; Secure' : ''}`;
}
