import type { Happening, ServerAnswer } from '../../api/answers.ts';
import type { FeedMessage } from '../../api/feed-messages.ts';
import { serverHappenings } from './happenings.ts';

/** A server in two successive lists; `before` is absent for a new server, `after` for one that is gone. */
interface ServerChange {
  readonly before?: ServerAnswer;
  readonly after?: ServerAnswer;
}

/** Compares two lists of servers: returns the feed messages and the happenings that lead from `known` to `servers`. */
export function compareServers(
  known: readonly ServerAnswer[],
  servers: readonly ServerAnswer[],
  at: number,
): { messages: FeedMessage[]; happenings: Happening[] } {
  const changes = changesBetween(known, servers);
  return {
    messages: changes.flatMap((change) => messagesOf(change, at)),
    happenings: changes.flatMap(({ before, after }) => serverHappenings(at, before, after)),
  };
}

function changesBetween(known: readonly ServerAnswer[], servers: readonly ServerAnswer[]): ServerChange[] {
  const gone = new Map(known.map((server) => [server.id, server]));
  const changes: ServerChange[] = [];
  for (const after of servers) {
    const before = gone.get(after.id);
    gone.delete(after.id);
    if (before === undefined) changes.push({ after });
    else if (before.health !== after.health || before.reason !== after.reason || membershipOf(before) !== membershipOf(after))
      changes.push({ before, after });
  }
  return [...changes, ...[...gone.values()].map((before) => ({ before }))];
}

function messagesOf({ before, after }: ServerChange, at: number): FeedMessage[] {
  if (after === undefined) return before === undefined ? [] : [{ type: 'gone', at, id: before.id, environment: before.environment }];
  if (before === undefined) return [{ type: 'membership', at, server: after }];
  const messages: FeedMessage[] = [];
  if (membershipOf(before) !== membershipOf(after)) {
    messages.push({ type: 'membership', at, server: after, ...(before.state !== after.state && { was: before.state }) });
  }
  if (before.health !== after.health || before.reason !== after.reason) {
    const { id, environment, health, reason } = after;
    messages.push({ type: 'health', at, id, environment, health, was: before.health, ...(reason !== undefined && { reason }) });
  }
  return messages;
}

/** Serializes the properties whose change is a `membership` message: all except health, traffic and lease renewals. */
function membershipOf({ health, reason, active, requests, lastSeen, ...rest }: ServerAnswer): string {
  return JSON.stringify(rest);
}
