import { SluiceError } from '../../model/fault.ts';
import type { SnapshotId } from '../../model/snapshot-id.ts';

/** Returns the entity tag of an environment: its snapshot version (RFC 9110, section 8.8.3). */
export function etagOf(snapshot: Pick<SnapshotId, 'version'>): string {
  return `"${snapshot.version}"`;
}

/** Reads the version required by `If-Match` (RFC 9110, section 13.1.1); `undefined` if any version will do. */
export function expectedVersion(ifMatch: string | undefined): number | undefined {
  if (ifMatch === undefined || ifMatch.trim() === '*') return undefined;
  const version = /^"(\d{1,15})"$/.exec(ifMatch.trim())?.[1];
  if (version === undefined) throw new SluiceError('malformed', 'if-match must be the ETag of an earlier answer, for example "12"');
  return Number(version);
}
