import type { ServerAnswer, Tone } from '../../api/answers.ts';
import { rejectionsOf } from '../../api/rejection.ts';
import { type Standing, standingOf } from '../../api/standing.ts';
import type { SnapshotId } from '../../model/snapshot-id.ts';

/** How a server stands, in a word, with the reason where there is something to explain. */
export interface ServerStanding {
  readonly tone: Tone;
  readonly word: string;
  readonly reason?: string;
}

type Reason = (server: ServerAnswer, wanted: SnapshotId | undefined, active: number | undefined) => string | undefined;

const descriptions: Readonly<Record<Standing, readonly [word: string, tone: Tone, reason?: Reason]>> = {
  lost: ['Lost', 'bad', () => 'it has stopped renewing its lease'],
  draining: ['Draining', 'warn', drainingReason],
  available: ['Available', 'idle'],
  down: ['Down', 'bad', ({ reason }) => reason],
  rejecting: ['Rejecting', 'bad', (server) => rejectionsOf(server).join('; ')],
  ejected: ['Ejected', 'warn', ({ reason }) => reason ?? 'too many failures in a row; it gets another chance soon'],
  joining: ['Joining', 'busy', () => 'loading projects'],
  behind: ['Behind', 'warn', ({ running }, wanted) => `runs v${running?.version}, wanted is v${wanted?.version}`],
  checking: ['Checking', 'busy', () => 'waiting for its first health check'],
  ready: ['Ready', 'good'],
};

/**
 * @param wanted the snapshot its environment should run; undefined for an available server
 * @param active exchanges in flight on it; undefined if not known
 */
export function describeStanding(server: ServerAnswer, wanted: SnapshotId | undefined, active?: number): ServerStanding {
  const [word, tone, explain] = descriptions[standingOf(server, wanted)];
  const reason = explain?.(server, wanted, active);
  return { tone, word, ...(reason !== undefined && { reason }) };
}

function drainingReason({ movingTo }: ServerAnswer, _wanted: SnapshotId | undefined, active: number | undefined): string {
  const next = movingTo === undefined ? ', gets nothing new' : movingTo === null ? ', then available' : `, then to ${movingTo}`;
  const left = active === undefined ? 'finishing what is' : active === 0 ? 'nothing' : active;
  return `${left} in flight${next}`;
}
