import type { ServerAnswer } from './answers.ts';
import type { FeedMessage } from './feed-messages.ts';

/** A server that is known already, with what a `health` message says of it. */
export function withHealth(
  { reason: _, ...server }: ServerAnswer,
  { health, reason }: Extract<FeedMessage, { type: 'health' }>,
): ServerAnswer {
  return { ...server, health, ...(reason !== undefined && { reason }) };
}
