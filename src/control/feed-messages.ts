import type { LiveServer } from '../model/live.ts';
import type { ServerAnswer } from './answers.ts';
import type { Sample } from './traffic.ts';

/** What `/v1/events` says, one JSON text a message. `at` is the wall clock in milliseconds. */
export type FeedMessage =
  /** All servers: first thing said, and again after the feed lost sight of them. */
  | { readonly type: 'servers'; readonly at: number; readonly servers: readonly ServerAnswer[] }
  /** The traffic of the last two minutes, by environment, one sample a second: said once, at first. */
  | { readonly type: 'history'; readonly at: number; readonly environments: Readonly<Record<string, readonly Sample[]>> }
  /** A server is new, or something about it other than health and traffic is. */
  | { readonly type: 'membership'; readonly at: number; readonly server: ServerAnswer; readonly was?: ServerAnswer['state'] }
  | { readonly type: 'gone'; readonly at: number; readonly id: string; readonly environment: string | null }
  | {
      readonly type: 'health';
      readonly at: number;
      readonly id: string;
      readonly environment: string | null;
      readonly health: ServerAnswer['health'];
      readonly was: ServerAnswer['health'];
      readonly reason?: string;
    }
  /** The environment's wanted version. */
  | { readonly type: 'deployment'; readonly at: number; readonly environment: string; readonly version: number }
  | { readonly type: 'environment' | 'project'; readonly at: number; readonly name: string }
  /** Once a second; counters only ever grow. */
  | { readonly type: 'traffic'; readonly at: number; readonly servers: readonly LiveServer[] }
  /** Something may have been missed: read everything again. */
  | { readonly type: 'resync'; readonly at: number };

/** What is to be told when `servers` follow on `known` (none: nothing was told yet). */
export function compareServers(known: readonly ServerAnswer[] | undefined, servers: readonly ServerAnswer[], at: number): FeedMessage[] {
  if (!known) return [{ type: 'servers', at, servers }];
  const before = new Map(known.map((server) => [server.id, server]));
  const messages: FeedMessage[] = [];
  for (const server of servers) {
    const earlier = before.get(server.id);
    before.delete(server.id);
    if (earlier === undefined) {
      messages.push({ type: 'membership', at, server });
      continue;
    }
    if (essence(earlier) !== essence(server)) {
      messages.push({ type: 'membership', at, server, ...(earlier.state !== server.state && { was: earlier.state }) });
    }
    if (earlier.health !== server.health) {
      const { id, environment, health, reason } = server;
      messages.push({ type: 'health', at, id, environment, health, was: earlier.health, ...(reason !== undefined && { reason }) });
    }
  }
  for (const { id, environment } of before.values()) messages.push({ type: 'gone', at, id, environment });
  return messages;
}

/** What makes a change of membership: all but what changes by itself. */
function essence({ health, reason, active, requests, lastSeen, ...rest }: ServerAnswer): string {
  return JSON.stringify(rest);
}
