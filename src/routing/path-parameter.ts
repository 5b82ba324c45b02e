import { decodeSegment } from './percent-encoding.ts';
import { piecesOf } from './segment-pattern.ts';

/**
 * Value of a parameter of a resource's path, percent-decoded: one character for each octet. Undefined: the resource has no such parameter.
 *
 * @param template path of the resource, such as `/pets/{petId}`
 * @param basePath of its project, normalised
 * @param path of a request that the resource matches
 */
export function pathParameter(
  { template, basePath }: { template: string; basePath: string },
  path: string,
  name: string,
): string | undefined {
  const patterns = segmentsOf(template);
  const at = patterns.findIndex((pattern) => pattern.includes(`{${name}}`));
  if (at === -1) return undefined;
  const segment = segmentsOf(path)[segmentsOf(basePath).length + at];
  return segment === undefined ? undefined : valueIn(decodeSegment(segment), patterns[at] as string, name);
}

/** Rest of a request's path after that of the resource that it matches: empty, or a slash and more. */
export function pathBelow({ template, basePath }: { template: string; basePath: string }, path: string): string {
  let left = segmentsOf(basePath).length + segmentsOf(template).length;
  let at = 0;
  while (left > 0 && at < path.length) {
    if (path[at] === '/' && at + 1 < path.length && path[at + 1] !== '/') left--;
    at++;
  }
  const next = path.indexOf('/', at);
  return next === -1 ? '' : path.slice(next);
}

function segmentsOf(path: string): string[] {
  return path.split('/').filter((segment) => segment !== '');
}

function valueIn(segment: string, pattern: string, name: string): string | undefined {
  const names = [...pattern.matchAll(/\{([^{}]+)\}/g)].map(([, one]) => one);
  const [first = '', ...literals] = piecesOf(pattern);
  let from = first.length;
  for (const [index, literal] of literals.entries()) {
    const to = index === literals.length - 1 ? segment.length - literal.length : segment.indexOf(literal, from + 1);
    if (names[index] === name) return segment.slice(from, to);
    from = to + literal.length;
  }
  return undefined;
}
