import type { ServerAnswer } from '../control/answers.ts';
import { type SnapshotId, sameSnapshot } from '../model/snapshot.ts';
import type { Toned } from './text.ts';

/** How a server stands, in a word; where something is wrong or under way also what, and what to do. */
export interface ServerStanding {
  readonly word: Toned;
  readonly reason?: string;
}

/** @param wanted what its environment is to run; undefined for a server that is in none */
export function standingOf(server: ServerAnswer, wanted: SnapshotId | undefined): ServerStanding {
  const { id, state, health, reason, running } = server;
  if (state === 'lost') {
    return bad('lost', 'its lease ended without a word: start it again; it takes part when it is back');
  }
  if (state === 'draining') return { word: { text: 'draining', tone: 'warn' }, reason: drainingReason(server) };
  if (state === 'available') return { word: { text: 'available', tone: 'faint' } };
  if (health === 'down') return bad('down', reason ?? 'its health check fails');
  const rejected = rejectionsOf(server);
  if (rejected.length > 0) return bad('rejecting', rejected.join('; '));
  if (health === 'ejected') return warn('ejected', reason ?? 'too many failures in a row; it gets another chance by itself');
  if (state === 'joining') return warn('joining', 'it loads the projects of its environment');
  if (health === 'unknown') return warn('checking', 'it waits for its first health check');
  if (running && wanted && !sameSnapshot(running, wanted)) {
    return warn('behind', `it runs v${running.version}, wanted is v${wanted.version}: if that stays, look at its log or start ${id} again`);
  }
  return { word: { text: 'up', tone: 'good' } };
}

/** Every project it refused, with why, and what answers in its place. */
export function rejectionsOf({ projects }: Pick<ServerAnswer, 'projects'>): string[] {
  return projects
    .filter(({ state }) => state === 'rejected')
    .map(({ name, revision, error }) => {
      const instead = revision > 0 ? ` (revision ${revision} goes on)` : '';
      return `${name}: ${error ?? 'it says no reason'}${instead}`;
    });
}

function drainingReason({ id, active, movingTo }: ServerAnswer): string {
  const inFlight = `${active === 0 ? 'nothing' : active} in flight`;
  if (movingTo === undefined) return `${inFlight}, gets nothing new until "sluice server resume ${id}"`;
  return `${inFlight}, then ${movingTo === null ? 'available' : `to ${movingTo}`}`;
}

function bad(word: string, reason: string): ServerStanding {
  return { word: { text: word, tone: 'bad' }, reason };
}

function warn(word: string, reason: string): ServerStanding {
  return { word: { text: word, tone: 'warn' }, reason };
}
