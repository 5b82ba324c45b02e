import * as z from 'zod';
import { name } from '../../model/quantity.ts';
import { projectState, serverRecord, snapshotId } from '../documents.ts';

const { id, instance, environment, address, weight, version, startedAt, ttl } = serverRecord.shape;

/** @see JoinRequest */
export const joinRequest = z.object({
  id,
  instance,
  environment,
  address,
  weight: weight.exactOptional(),
  source: z.enum(['join', 'http']),
  version,
  startedAt,
  ttl,
});

/** @see Renewal */
export const renewal = z.object({
  id: name,
  instance,
  running: snapshotId.exactOptional(),
  projects: z.array(projectState),
  leaving: z.boolean().exactOptional(),
  drained: z.boolean().exactOptional(),
  holds: snapshotId.exactOptional(),
});

/** What an operator may change of a server. */
export const serverPatch = z.strictObject({ draining: z.boolean().exactOptional(), weight: weight.exactOptional() });
