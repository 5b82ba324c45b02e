import type { ServerAnswer } from '../../api/answers.ts';
import { describeRejections } from '../../api/rejection.ts';
import { type Standing, standingOf } from '../../api/standing.ts';
import type { SnapshotId } from '../../model/snapshot-id.ts';
import type { TextTone, Toned } from '../terminal/text.ts';

/** The condition of a server in a word and, unless all is well, its reason and what to do. */
export interface ServerStatus {
  readonly word: Toned;
  readonly reason?: string;
}

type Reason = (server: ServerAnswer, wanted: SnapshotId | undefined) => string;

const descriptions: Readonly<Record<Standing, readonly [word: string, tone: TextTone, reason?: Reason]>> = {
  lost: ['lost', 'bad', () => 'its lease expired: start it again; it takes requests as soon as it is back'],
  draining: ['draining', 'warn', drainingReason],
  available: ['available', 'faint'],
  down: ['down', 'bad', ({ reason }) => reason ?? 'its health check fails'],
  rejecting: ['rejecting', 'bad', describeRejections],
  ejected: ['ejected', 'warn', ({ reason }) => reason ?? 'too many failures in a row; it is tried again by itself'],
  joining: ['joining', 'warn', () => 'it is loading the projects of its environment'],
  unrenewed: ['up', 'warn', unrenewedReason],
  behind: ['behind', 'warn', behindReason],
  checking: ['checking', 'warn', () => 'it is waiting for its first health check'],
  ready: ['up', 'good'],
};

/** @param wanted the current snapshot of the server's environment; undefined for a server without environment */
export function serverStatus(server: ServerAnswer, wanted: SnapshotId | undefined): ServerStatus {
  const [text, tone, reason] = descriptions[standingOf(server, wanted)];
  return { word: { text, tone }, ...(reason && { reason: reason(server, wanted) }) };
}

function drainingReason({ id, active, movingTo }: ServerAnswer): string {
  const inFlight = `${active === 0 ? 'nothing' : active} in flight`;
  if (movingTo === undefined) return `${inFlight}, gets no new requests until "sluice server resume ${id}"`;
  return `${inFlight}, then ${movingTo === null ? 'available' : `to ${movingTo}`}`;
}

function unrenewedReason({ id, leaseEndedAt = 0, reason }: ServerAnswer): string {
  const seconds = Math.max(0, Math.round((Date.now() - leaseEndedAt) / 1000));
  return `${reason ?? 'its lease ended'} (${seconds} s ago): see the log of ${id} for why it does not renew it`;
}

function behindReason({ id, running }: ServerAnswer, wanted: SnapshotId | undefined): string {
  return `it runs v${running?.version} instead of v${wanted?.version}: if that lasts, see its log or restart ${id}`;
}
