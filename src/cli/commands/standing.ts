import type { ServerAnswer } from '../../api/answers.ts';
import { rejectionsOf } from '../../api/rejection.ts';
import { type Standing, standingOf } from '../../api/standing.ts';
import type { SnapshotId } from '../../model/snapshot-id.ts';
import type { Tone, Toned } from '../terminal/text.ts';

/** How a server stands, in a word; where something is wrong or under way also what, and what to do. */
export interface ServerStanding {
  readonly word: Toned;
  readonly reason?: string;
}

type Reason = (server: ServerAnswer, wanted: SnapshotId | undefined) => string;

const descriptions: Readonly<Record<Standing, readonly [word: string, tone: Tone, reason?: Reason]>> = {
  lost: ['lost', 'bad', () => 'its lease ended without a word: start it again; it takes part when it is back'],
  draining: ['draining', 'warn', drainingReason],
  available: ['available', 'faint'],
  down: ['down', 'bad', ({ reason }) => reason ?? 'its health check fails'],
  rejecting: ['rejecting', 'bad', (server) => rejectionsOf(server).join('; ')],
  ejected: ['ejected', 'warn', ({ reason }) => reason ?? 'too many failures in a row; it gets another chance by itself'],
  joining: ['joining', 'warn', () => 'it loads the projects of its environment'],
  behind: ['behind', 'warn', behindReason],
  checking: ['checking', 'warn', () => 'it waits for its first health check'],
  ready: ['up', 'good'],
};

/** @param wanted what its environment is to run; undefined for a server that is in none */
export function describeStanding(server: ServerAnswer, wanted: SnapshotId | undefined): ServerStanding {
  const [text, tone, reason] = descriptions[standingOf(server, wanted)];
  return { word: { text, tone }, ...(reason && { reason: reason(server, wanted) }) };
}

function drainingReason({ id, active, movingTo }: ServerAnswer): string {
  const inFlight = `${active === 0 ? 'nothing' : active} in flight`;
  if (movingTo === undefined) return `${inFlight}, gets nothing new until "sluice server resume ${id}"`;
  return `${inFlight}, then ${movingTo === null ? 'available' : `to ${movingTo}`}`;
}

function behindReason({ id, running }: ServerAnswer, wanted: SnapshotId | undefined): string {
  return `it runs v${running?.version}, wanted is v${wanted?.version}: if that stays, look at its log or start ${id} again`;
}
