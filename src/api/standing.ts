import { type SnapshotId, sameSnapshot } from '../model/snapshot-id.ts';
import type { ServerAnswer } from './answers.ts';

export type Standing = 'lost' | 'draining' | 'available' | 'down' | 'rejecting' | 'ejected' | 'joining' | 'behind' | 'checking' | 'ready';

/**
 * How a server stands: the worst that is true of it.
 *
 * @param wanted what its environment is to run; undefined for a server that is in none
 */
export function standingOf({ state, health, running, projects }: ServerAnswer, wanted: SnapshotId | undefined): Standing {
  if (state === 'lost' || state === 'draining' || state === 'available') return state;
  if (health === 'down') return 'down';
  if (projects.some((project) => project.state === 'rejected')) return 'rejecting';
  if (health === 'ejected') return 'ejected';
  if (state === 'joining') return 'joining';
  if (running && wanted && !sameSnapshot(running, wanted)) return 'behind';
  return health === 'unknown' ? 'checking' : 'ready';
}
