import type { ServerAnswer } from './answers.ts';
import type { FeedMessage } from './feed-messages.ts';

/** Applies a `health` message to a known server. */
export function withHealth(
  { reason: _, ...server }: ServerAnswer,
  { health, reason }: Extract<FeedMessage, { type: 'health' }>,
): ServerAnswer {
  return { ...server, health, ...(reason !== undefined && { reason }) };
}
