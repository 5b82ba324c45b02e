import { isReserved } from '../model/reserved-path.ts';
import { isPlainPath, readPath } from './path.ts';
import { decodeRepeatedly } from './percent-encoding.ts';

const dotSegment = /(^|[/\\])\.{1,2}([/\\;?#]|$)/;

/**
 * Text for a target, in normal form: a path, which may be empty, and a query with its `?`. Undefined if a server could find a dot segment, a reserved
 * path or an invalid one in it, however it decodes the path.
 */
export function safeTail(tail: string): string | undefined {
  const from = tail.indexOf('?');
  const path = from === -1 ? tail : tail.slice(0, from);
  if (path === '' || isPlainPath(path)) return tail;
  const reading = dotSegment.test(decodeRepeatedly(path)) ? undefined : readPath(path, false);
  if (reading === undefined || reading.forms.some(isReserved)) return undefined;
  return reading.path + tail.slice(path.length);
}
