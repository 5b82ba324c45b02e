import { type SnapshotId, sameSnapshot } from '../model/snapshot-id.ts';
import type { ServerAnswer } from './answers.ts';

/** The condition of a server in one word, worst first. */
export type Standing =
  | 'lost'
  | 'draining'
  | 'available'
  | 'down'
  | 'rejecting'
  | 'ejected'
  | 'joining'
  | 'unrenewed'
  | 'behind'
  | 'checking'
  | 'ready';

/**
 * Returns the worst {@link Standing} that applies to a server.
 *
 * @param wanted the current snapshot of the server's environment; undefined for a server without environment
 */
export function standingOf(
  { state, health, running, projects, leaseEndedAt, elsewhere }: ServerAnswer,
  wanted: SnapshotId | undefined,
): Standing {
  if (state === 'lost' || state === 'draining' || state === 'available') return state;
  if (health === 'down') return 'down';
  if (projects.some((project) => project.state === 'rejected')) return 'rejecting';
  if (health === 'ejected') return 'ejected';
  if (state === 'joining') return 'joining';
  if (leaseEndedAt !== undefined) return 'unrenewed';
  if (running && wanted && !sameSnapshot(running, wanted)) return 'behind';
  return health === 'unknown' && !elsewhere ? 'checking' : 'ready';
}
