import type { ServerAnswer, Tone } from '../../api/answers.ts';
import { describeRejections } from '../../api/rejection.ts';
import { type Standing, standingOf } from '../../api/standing.ts';
import type { SnapshotId } from '../../model/snapshot-id.ts';

/** A server's standing as a word with a colour, and its reason unless all is well. */
export interface ServerStanding {
  readonly tone: Tone;
  readonly word: string;
  readonly reason?: string;
}

type Reason = (server: ServerAnswer, wanted: SnapshotId | undefined, active: number | undefined) => string | undefined;

const descriptions: Readonly<Record<Standing, readonly [word: string, tone: Tone, reason?: Reason]>> = {
  lost: ['Lost', 'bad', () => 'its lease expired'],
  draining: ['Draining', 'warn', drainingReason],
  available: ['Available', 'idle'],
  down: ['Down', 'bad', ({ reason }) => reason],
  rejecting: ['Rejecting', 'bad', describeRejections],
  ejected: ['Ejected', 'warn', ({ reason }) => reason ?? 'too many failures in a row; it is tried again soon'],
  joining: ['Joining', 'busy', () => 'loading projects'],
  unrenewed: ['Lease ended', 'warn', ({ reason }) => reason],
  behind: ['Behind', 'warn', ({ running }, wanted) => `runs v${running?.version} instead of v${wanted?.version}`],
  checking: ['Checking', 'busy', () => 'waiting for its first health check'],
  ready: ['Ready', 'good'],
};

/**
 * @param wanted the current snapshot of the server's environment; undefined for an available server
 * @param active requests in flight on it; undefined if unknown
 */
export function describeStanding(server: ServerAnswer, wanted: SnapshotId | undefined, active?: number): ServerStanding {
  const [word, tone, explain] = descriptions[standingOf(server, wanted)];
  const reason = explain?.(server, wanted, active);
  return { tone, word, ...(reason !== undefined && { reason }) };
}

function drainingReason({ movingTo }: ServerAnswer, _wanted: SnapshotId | undefined, active: number | undefined): string {
  const next = movingTo === undefined ? ', gets no new requests' : movingTo === null ? ', then available' : `, then to ${movingTo}`;
  const left = active === undefined ? 'requests still' : active === 0 ? 'nothing' : active;
  return `${left} in flight${next}`;
}
