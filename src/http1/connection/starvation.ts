import { processDescriptors } from '../../model/descriptors.ts';
import { lacksRoom } from '../../model/shortage.ts';
import type { Deadlines } from './deadlines.ts';
import type { ResponseSink } from './response-sink.ts';

/** Milliseconds between two attempts to open a connection, and the time for all of them unless `timeouts.connect` sets another. */
const retryMs = 100;
const mostMs = 3000;

/**
 * Decides what follows after a connection could not be opened because this process lacks descriptors, local ports or memory. That says
 * nothing about the peer and mostly passes: idle connections are closed, other exchanges end.
 */
export class Starvation {
  /** Time at which attempts end. */
  readonly until: number;
  /** Why the last attempt failed. */
  reason = '';
  readonly #deadlines: Deadlines;

  /** @param connectMs time for all attempts; 0: the default */
  constructor(deadlines: Deadlines, connectMs: number) {
    this.#deadlines = deadlines;
    this.until = deadlines.in(connectMs || mostMs);
  }

  /** After an attempt failed: when the next one is made, or `elsewhere` if the exchange has gone to another upstream. */
  next(reason: string, error: Error | undefined, sink: ResponseSink): number | 'now' | 'elsewhere' | 'never' {
    const first = this.reason === '';
    this.reason = reason;
    if (first && sink.starved(reason)) return 'elsewhere';
    const madeRoom = lacksRoom(error) && processDescriptors.makeRoom(true);
    if (first && madeRoom) return 'now';
    const { now } = this.#deadlines;
    return now >= this.until ? 'never' : Math.min(now + retryMs, this.until);
  }
}
