import { readFileSync } from 'node:fs';

/** The part of resolv.conf(5) that completes short names. */
export interface SearchList {
  readonly domains: readonly string[];
  /** A name with fewer dots is tried with the domains first. */
  readonly ndots: number;
}

/** Reads the search list of a file; empty if the file cannot be read. */
export function readSearchList(path: string): SearchList {
  let domains: readonly string[] = [];
  let ndots = 1;
  for (const line of textOf(path).split('\n')) {
    const [keyword, ...values] = line
      .replace(/[#;].*/, '')
      .trim()
      .split(/\s+/);
    if (keyword === 'search' || keyword === 'domain') domains = values.map((domain) => domain.replace(/\.$/, '')).filter(Boolean);
    if (keyword !== 'options') continue;
    for (const option of values) if (/^ndots:\d+$/.test(option)) ndots = Math.min(15, Number(option.slice('ndots:'.length)));
  }
  return { domains, ndots };
}

/** The complete names to ask for, in order. A name that ends with a dot is complete. */
export function completeNames(name: string, { domains, ndots }: SearchList): readonly string[] {
  if (name.endsWith('.')) return [name.slice(0, -1)];
  const completed = domains.map((domain) => `${name}.${domain}`);
  return name.split('.').length - 1 >= ndots ? [name, ...completed] : [...completed, name];
}

function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
