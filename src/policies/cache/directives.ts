/** Directives of Cache-Control (RFC 9111 section 5.2): names in lower case, with their arguments; '' without one. */
export type Directives = ReadonlyMap<string, string>;

const none: Directives = new Map();
/** Longest time in seconds that is told apart; RFC 9111 section 1.2.2. */
const longest = 2 ** 31;

/** Reads a Cache-Control value. Of a directive that is there several times the first one counts, unless a later one says less time. */
export function directivesOf(value: string | undefined): Directives {
  if (value === undefined) return none;
  const directives = new Map<string, string>();
  // A comma within quotes separates nothing.
  for (const [, name = '', quoted, plain = ''] of value.matchAll(/([^\s,;="]+)(?:="((?:[^"\\]|\\.)*)"|=([^,]*))?[^,"]*/g)) {
    const lower = name.toLowerCase();
    const argument = (quoted ?? plain).trim();
    const before = directives.get(lower);
    if (before === undefined || (secondsOf(argument) ?? 0) < (secondsOf(before) ?? 0)) directives.set(lower, argument);
  }
  return directives;
}

/** Seconds that a directive names; undefined: it is not there. An argument that is no number stands for no time at all. */
export function secondsIn(directives: Directives, name: string): number | undefined {
  const argument = directives.get(name);
  return argument === undefined ? undefined : (secondsOf(argument) ?? 0);
}

/** A number of seconds, at most 2^31; undefined: the text is none. */
export function secondsOf(text: string): number | undefined {
  return /^\d+$/.test(text) ? Math.min(Number(text), longest) : undefined;
}
