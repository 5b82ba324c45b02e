import * as z from 'zod';
import type { ExpectedTags } from '../../model/entity-tag.ts';
import { SluiceError } from '../../model/fault.ts';
import type { SnapshotId } from '../../model/snapshot-id.ts';

/** Returns the entity tag of an environment's deployments: the snapshot version (RFC 9110, section 8.8.3). */
export function etagOf(snapshot: Pick<SnapshotId, 'version'>): string {
  return `"${snapshot.version}"`;
}

/** Reads the version required by `If-Match` (RFC 9110, section 13.1.1); `undefined` if any version will do. */
export function expectedVersion(ifMatch: string | undefined): number | undefined {
  if (ifMatch === undefined || ifMatch.trim() === '*') return undefined;
  // The tag of the environment begins with the same version.
  const version = /^"(\d{1,15})(?:-[0-9a-f]+)?"$/.exec(ifMatch.trim())?.[1];
  if (version === undefined) throw new SluiceError('malformed', 'if-match must be the ETag of an earlier answer, for example "12"');
  return Number(version);
}

/** Reads `If-Match` (RFC 9110, section 13.1.1); `undefined` if there is no condition. Weak tags never match. */
export function expectedTags(ifMatch: string | undefined): ExpectedTags | undefined {
  if (ifMatch === undefined) return undefined;
  const tags = ifMatch.split(',').map((tag) => tag.trim());
  return tags.map((tag) => {
    const strong = /^"([^"]*)"$/.exec(tag)?.[1];
    if (strong === undefined && tag !== '*' && !/^W\/"[^"]*"$/.test(tag))
      throw new SluiceError('malformed', 'if-match must be the ETag of an earlier answer, in quotes, or *');
    return strong ?? tag;
  });
}

/** The header field of a conditional change. */
export const conditional = z.object({
  'if-match': z
    .string()
    .optional()
    .meta({ description: 'the ETag of an earlier answer: if the object has changed since, 412 and no change' }),
});

/** The header fields of a request that creates or replaces. */
export const creating = conditional.extend({
  'if-none-match': z.string().optional().meta({ description: '*: only creates; 412 if the object exists' }),
});
