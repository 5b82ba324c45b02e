import type { Happening, ServerAnswer } from '../../api/answers.ts';
import type { FeedMessage } from '../../api/feed-messages.ts';
import type { Pieces } from '../../model/pieces.ts';
import { sameFields } from '../../model/same-fields.ts';
import { serverHappenings } from './happenings.ts';

/** A server in two successive lists; `before` is absent for a new server, `after` for one that is gone. */
interface ServerChange {
  readonly before?: ServerAnswer;
  readonly after?: ServerAnswer;
}

/** Compares two lists of servers, one server in a piece: returns the feed messages and the happenings that lead from `known` to `servers`. */
export function* compareServers(
  known: readonly ServerAnswer[],
  servers: readonly ServerAnswer[],
  at: number,
): Pieces<{ messages: FeedMessage[]; happenings: Happening[] }> {
  const changes = yield* changesBetween(known, servers);
  const messages: FeedMessage[] = [];
  const happenings: Happening[] = [];
  for (const change of changes) {
    messages.push(...messagesOf(change, at));
    happenings.push(...serverHappenings(at, change.before, change.after));
    yield;
  }
  return { messages, happenings };
}

function* changesBetween(known: readonly ServerAnswer[], servers: readonly ServerAnswer[]): Pieces<ServerChange[]> {
  const gone = new Map<string, ServerAnswer>();
  for (const server of known) {
    gone.set(server.id, server);
    yield;
  }
  const changes: ServerChange[] = [];
  for (const after of servers) {
    const before = gone.get(after.id);
    gone.delete(after.id);
    if (before === undefined) changes.push({ after });
    else if (before !== after && (before.health !== after.health || before.reason !== after.reason || !sameMembership(before, after)))
      changes.push({ before, after });
    yield;
  }
  return [...changes, ...[...gone.values()].map((before) => ({ before }))];
}

function messagesOf({ before, after }: ServerChange, at: number): FeedMessage[] {
  if (after === undefined) return before === undefined ? [] : [{ type: 'gone', at, id: before.id, environment: before.environment }];
  if (before === undefined) return [{ type: 'membership', at, server: after }];
  const messages: FeedMessage[] = [];
  if (!sameMembership(before, after)) {
    messages.push({ type: 'membership', at, server: after, ...(before.state !== after.state && { was: before.state }) });
  }
  if (before.health !== after.health || before.reason !== after.reason) {
    const { id, environment, health, reason } = after;
    messages.push({ type: 'health', at, id, environment, health, was: before.health, ...(reason !== undefined && { reason }) });
  }
  return messages;
}

/** Properties whose change is no `membership` message: health, traffic and lease renewals. */
const changing: ReadonlySet<string> = new Set<keyof ServerAnswer>(['health', 'reason', 'active', 'requests', 'lastSeen']);

function sameMembership(one: ServerAnswer, other: ServerAnswer): boolean {
  return sameFields(one, other, changing);
}
