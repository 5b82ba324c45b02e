import type { Access } from '../../model/access.ts';
import { SluiceError } from '../../model/fault.ts';

/** Throws `unauthorized` unless `given` includes `needed`: the admin may also do what the join token allows. */
export function requireAccess(given: Access | undefined, needed: Access): void {
  if (given === 'admin' || given === needed) return;
  const what = given === 'join' ? 'the join token only registers servers; this request' : 'this request';
  throw new SluiceError('unauthorized', `${what} needs the ${needed} token: send it as "Authorization: Bearer TOKEN"`);
}
