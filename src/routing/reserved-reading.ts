import { isReserved, loginPath, logoutPath, reservedPath } from '../model/reserved-path.ts';
import { readPath } from './path.ts';
import { decodeRepeatedly, decodeUnreserved } from './percent-encoding.ts';

/**
 * True if some server behind the balancer could read `path` as reserved for Sluice. The balancer forwards paths as they came, so that
 * each server reads them for itself, and it does not know the settings of projects.
 * The two paths that projects answer below their base path are not reserved; what stands before them is judged alone.
 */
export function couldBeReserved(path: string): boolean {
  const login = [loginPath, logoutPath].find((end) => path.endsWith(end));
  return couldReadReserved(login === undefined ? path : path.slice(0, -login.length));
}

function couldReadReserved(path: string): boolean {
  if (!path.includes('/.') && !path.includes('\\') && !(path.includes('%') && hiddenDot.test(path))) return false;
  if (!names(path).includes(reservedPath.slice(1))) return false;
  const own = readPath(path)?.path;
  const isClear = own !== undefined && !/[%\\;]|\/\//.test(decodeUnreserved(path));
  return isClear ? isReserved(own.toLowerCase()) : true;
}

/** Found in each percent-encoded path that has a dot in some spelling; nearly every path has none, and costs three scans. */
const hiddenDot = /\.|%(?:2[5E]|A[5E]|(?![0-9A-F]{2}))/i;

/**
 * Names of all segments with everything decoded that some server decodes, and everything cut off that some server cuts off. Dots are not
 * resolved: in a path that servers read differently, they may remove anything.
 */
function names(path: string): string[] {
  const text = decodeRepeatedly(path).replace(/[\t\r\n]/g, '');
  return text.split(/[/\\]/).map((segment) => (segment.split(/[;?#\0]/, 1)[0] as string).trim().toLowerCase());
}
