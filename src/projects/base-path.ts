import { isReserved, reservedPath } from '../model/reserved-path.ts';
import { readPath } from '../routing/path.ts';
import { decodeSegment } from '../routing/percent-encoding.ts';
import type { Complain } from './complain.ts';

/** Longest base path. A longer one does not fit into every head that a server accepts. */
const maxLength = 8192;

/**
 * Returns the normal form of a base path: `/`, or without a slash at its end. Two base paths that match the same requests have the same
 * normal form (RFC 3986 section 6.2.2). Undefined if the path has none.
 */
export function normalBasePath(written: string): string | undefined {
  return readPath(written)?.forms[0].replace(/(?<=.)\/$/, '');
}

/** Returns the normal form of a base path that a server can serve; complains and returns undefined if the path has no normal form. */
export function servableBasePath(written: string, complain: Complain): string | undefined {
  const basePath = normalBasePath(written);
  if (basePath === undefined) {
    complain(
      ['basePath'],
      `"${written}" is not a valid path: it contains a broken percent-encoding, a backslash, or encoded characters that servers read in different ways`,
    );
  } else if (isReserved(basePath)) complain(['basePath'], reserved);
  return basePath;
}

/** Message about a path with a reference to a variable. */
export const noVariables = 'must not contain ${…}: variables are replaced in targets and policies only';

const reserved = `${reservedPath} is reserved for Sluice: choose another base path`;

/** Complains about a base path that no request would ever match. A server accepts the project anyway, because such a base path does no damage. */
export function complainOfUnmatchable(written: string, complain: Complain): void {
  const basePath = normalBasePath(written);
  if (basePath === undefined || isReserved(basePath)) return;
  const reason = whyUnmatchable(written, basePath);
  if (reason !== undefined) complain(['basePath'], reason);
}

function whyUnmatchable(written: string, basePath: string): string | undefined {
  // The balancer refuses every spelling of the reserved path.
  if (isReserved(decodeSegment(basePath).toLowerCase())) return reserved;
  if (written.includes('${')) return noVariables;
  if (/[{}]/.test(written)) return 'has no parameters: write {name} in the path of a resource';
  if (hasDotSegments(written)) return 'must not contain . or .. as a segment, percent-encoded or not';
  if ((readPath(written)?.forms.length ?? 0) > 1)
    return 'never matches, because servers could read it in different ways: choose one without ; and the encoded characters / \\\\ ; ? # and %';
  if (/[^\x21-\x7e]/.test(written)) return `never matches, since requests have percent-encoded paths: write ${encodedPath(written)}`;
  if (basePath.length > maxLength) return `must have at most ${maxLength} characters: no request with a longer path is accepted`;
  return undefined;
}

/** True if a path has a segment `.` or `..`, also percent-encoded. Requests never have one, because their paths are normalised. */
export function hasDotSegments(path: string): boolean {
  return path.split('/').some((segment) => /^\.{1,2}$/.test(segment.replace(/%2e/gi, '.')));
}

/** Percent-encodes what is not ASCII, as clients do. */
export function encodedPath(path: string): string {
  return path.replace(/[^\x21-\x7e]+/gu, (text) => {
    try {
      return encodeURIComponent(text);
    } catch {
      return '%EF%BF%BD';
    }
  });
}
