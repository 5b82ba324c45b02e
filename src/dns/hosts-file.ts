import { readFileSync, statSync } from 'node:fs';
import { isIP } from 'node:net';

/** The names of a hosts file (hosts(5)), read again when the file has changed. A file that cannot be read has no names. */
export class HostsFile {
  readonly #path: string;
  #readAs = '';
  #names: ReadonlyMap<string, readonly string[]> = new Map();

  constructor(path: string) {
    this.#path = path;
  }

  /** IP addresses of a name in lower case; none if the file does not list it. */
  addresses(name: string): readonly string[] {
    try {
      const { mtimeMs, size, ino } = statSync(this.#path);
      const version = `${mtimeMs} ${size} ${ino}`;
      if (version !== this.#readAs) this.#names = parseHosts(readFileSync(this.#path, 'utf8'));
      this.#readAs = version;
    } catch {
      this.#names = new Map();
      this.#readAs = '';
    }
    return this.#names.get(name) ?? [];
  }
}

function parseHosts(text: string): Map<string, string[]> {
  const names = new Map<string, string[]>();
  for (const line of text.split('\n')) {
    const [address = '', ...listed] = line.replace(/#.*/, '').trim().split(/\s+/);
    // An address with a zone (fe80::1%lo0) is valid on one interface only.
    if (isIP(address) === 0 || address.includes('%')) continue;
    for (const name of listed) {
      const known = names.get(name.toLowerCase()) ?? [];
      if (!known.includes(address)) names.set(name.toLowerCase(), [...known, address]);
    }
  }
  return names;
}
