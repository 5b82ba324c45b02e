import type { Happening, ServerAnswer } from '../../api/answers.ts';
import type { FeedMessage } from '../../api/feed-messages.ts';
import { serverHappenings } from './happenings.ts';

/** A server before and after a look; absent before, it is new; absent after, it is gone. */
interface ServerChange {
  readonly before?: ServerAnswer;
  readonly after?: ServerAnswer;
}

/** What is to be told when `servers` follow on `known`, and what it means. */
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
    else if (before.health !== after.health || before.reason !== after.reason || essence(before) !== essence(after))
      changes.push({ before, after });
  }
  return [...changes, ...[...gone.values()].map((before) => ({ before }))];
}

function messagesOf({ before, after }: ServerChange, at: number): FeedMessage[] {
  if (after === undefined) return before === undefined ? [] : [{ type: 'gone', at, id: before.id, environment: before.environment }];
  if (before === undefined) return [{ type: 'membership', at, server: after }];
  const messages: FeedMessage[] = [];
  if (essence(before) !== essence(after)) {
    messages.push({ type: 'membership', at, server: after, ...(before.state !== after.state && { was: before.state }) });
  }
  if (before.health !== after.health || before.reason !== after.reason) {
    const { id, environment, health, reason } = after;
    messages.push({ type: 'health', at, id, environment, health, was: before.health, ...(reason !== undefined && { reason }) });
  }
  return messages;
}

/** What makes a change of membership: all but what changes by itself. */
function essence({ health, reason, active, requests, lastSeen, ...rest }: ServerAnswer): string {
  return JSON.stringify(rest);
}
