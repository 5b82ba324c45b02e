import type { ServerAnswer } from '../control/answers.ts';
import type { Tone } from '../control/happenings.ts';
import type { SnapshotId } from '../model/snapshot.ts';

/** How a server stands, in a word, with the reason where there is something to explain. */
export interface Standing {
  readonly tone: Tone;
  readonly word: string;
  readonly reason?: string;
}

/**
 * @param wanted the snapshot its environment should run; undefined for an available server
 * @param active exchanges in flight on it; undefined if not known
 */
export function standingOf(server: ServerAnswer, wanted: SnapshotId | undefined, active?: number): Standing {
  if (server.state === 'lost') return { tone: 'bad', word: 'Lost', reason: 'it has stopped renewing its lease' };
  if (server.state === 'draining') return drainingOf(server, active);
  if (server.state === 'available') return { tone: 'idle', word: 'Available' };
  if (server.health === 'down') return { tone: 'bad', word: 'Down', ...(server.reason !== undefined && { reason: server.reason }) };
  const rejected = rejections(server);
  if (rejected !== undefined) return { tone: 'bad', word: 'Rejecting', reason: rejected };
  if (server.health === 'ejected') {
    return { tone: 'warn', word: 'Ejected', reason: server.reason ?? 'too many failures in a row; it gets another chance soon' };
  }
  if (server.state === 'joining') return { tone: 'busy', word: 'Joining', reason: 'loading projects' };
  if (server.running && wanted && server.running.hash !== wanted.hash) {
    return { tone: 'warn', word: 'Behind', reason: `runs v${server.running.version}, wanted is v${wanted.version}` };
  }
  if (server.health === 'unknown') return { tone: 'busy', word: 'Checking', reason: 'waiting for its first health check' };
  return { tone: 'good', word: 'Ready' };
}

function drainingOf({ movingTo }: ServerAnswer, active: number | undefined): Standing {
  const next = movingTo === undefined ? ', gets nothing new' : movingTo === null ? ', then available' : `, then to ${movingTo}`;
  const left = active === undefined ? 'finishing what is' : active === 0 ? 'nothing' : active;
  return { tone: 'warn', word: 'Draining', reason: `${left} in flight${next}` };
}

/** Every project it refused, with why. */
function rejections({ projects }: ServerAnswer): string | undefined {
  const rejected = projects.filter(({ state }) => state === 'rejected');
  if (rejected.length === 0) return undefined;
  return rejected
    .map(({ name, revision, error }) => `${name}: ${error ?? 'rejected'}${revision > 0 ? ` (revision ${revision} goes on)` : ''}`)
    .join('; ');
}
