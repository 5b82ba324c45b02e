/** Cookies of a browser, by name, for one host. Paths are not told apart. */
export class BrowserJar {
  readonly cookies = new Map<string, string>();

  /** The value of Cookie; undefined: there are none. */
  get field(): string | undefined {
    return this.cookies.size === 0 ? undefined : [...this.cookies].map(([name, value]) => `${name}=${value}`).join('; ');
  }

  /** Takes the lines of Set-Cookie. */
  take(lines: readonly string[]): void {
    for (const line of lines) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? [];
      if (/; Max-Age=0\b/i.test(line)) this.cookies.delete(name);
      else this.cookies.set(name, value);
    }
  }
}
