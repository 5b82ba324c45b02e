import type { HeadLimits } from '../message/message-head.ts';
import type { LeastPace } from './body-pace.ts';

/** Settings of client connections. The owner may replace them while connections are open. Durations in milliseconds; 0: no limit. */
export interface ServerConnectionSettings {
  readonly limits: HeadLimits;
  /** Limit for receiving a head, from its first octet to its end. */
  readonly headMs: number;
  /** Idle timeout: between requests, within a body, and for a client that does not read. */
  readonly idleMs: number;
  readonly bodyPace: LeastPace;
}
