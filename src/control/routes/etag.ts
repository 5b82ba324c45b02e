import { SluiceError } from '../../model/fault.ts';
import type { SnapshotId } from '../../model/snapshot-id.ts';

/** The entity tag of an environment's state: its snapshot version (RFC 9110, section 8.8.3). */
export function etagOf(snapshot: Pick<SnapshotId, 'version'>): string {
  return `"${snapshot.version}"`;
}

/** The version that `If-Match` (RFC 9110, section 13.1.1) makes a condition; `undefined` if it makes none. */
export function expectedVersion(ifMatch: string | undefined): number | undefined {
  if (ifMatch === undefined || ifMatch.trim() === '*') return undefined;
  const version = /^"(\d{1,15})"$/.exec(ifMatch.trim())?.[1];
  if (version === undefined) throw new SluiceError('malformed', 'if-match must be one version as an ETag gave it, for example "12"');
  return Number(version);
}
