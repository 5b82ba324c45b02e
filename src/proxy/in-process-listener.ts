import type net from 'node:net';
import { processDeadlines, type Watched } from '../http1/connection/deadlines.ts';
import type { ResponseSink } from '../http1/connection/response-sink.ts';
import type { ListenerCounts } from '../model/counts.ts';
import type { Handler, Listener } from './contract.ts';
import { ExchangeCounter } from './exchange-counter.ts';
import { Passage } from './passage.ts';
import type { PassageOwner } from './passage-client.ts';

/** Milliseconds after the present time of the deadlines: their next tick. */
const nextTick = 0.001;

/**
 * A role's listener for exchanges that another role of this process forwards to it: no connection is between them. Which exchanges those are is decided
 * by the other role, whose upstream has the `PassagePool` of this listener.
 */
export class InProcessListener implements Listener, PassageOwner, Watched {
  /** While exchanges are in flight: the next tick, at which their own deadlines are looked at. */
  deadline = 0;
  readonly handler: Handler;
  readonly counter = new ExchangeCounter();
  readonly limit = 0;
  lameDuck = false;
  readonly address: string;
  /** Passages in flight, in no order: the last one takes the place of one that leaves, which costs less than a set does for each request. */
  readonly #passages: Passage[] = [];
  readonly #tunnels = new Set<net.Socket>();
  #closing: Promise<void> | undefined;
  #emptied: (() => void) | undefined;

  /** @param address that stands for this listener in the registry */
  constructor(address: string, handler: Handler) {
    this.address = address;
    this.handler = handler;
  }

  /** Opens the way for one exchange; undefined: the listener is closed. */
  open(): Passage | undefined {
    if (this.#closing !== undefined) return undefined;
    const passage = new Passage(this, this.#passages.length);
    this.#passages.push(passage);
    if (this.deadline === 0) this.#watch();
    return passage;
  }

  /** A way that fails at the end of this turn of the event loop. */
  refuse(sink: ResponseSink): Passage {
    const passage = new Passage(this, -1);
    passage.begin(sink);
    setImmediate(() => passage.cut('connect-failed'));
    return passage;
  }

  get connections(): number {
    return this.active;
  }

  get active(): number {
    return this.#passages.length + this.#tunnels.size;
  }

  get counts(): ListenerCounts {
    return { ...this.counter.counts, accepted: 0, closedForRoom: 0, refused: 0 };
  }

  /** The limits of requests are those of the listener that accepted them. */
  update(): void {}

  left(passage: { place: number }): void {
    const { place } = passage;
    if (place < 0) return;
    passage.place = -1;
    const last = this.#passages.pop() as Passage;
    if (last !== passage) {
      this.#passages[place] = last;
      last.place = place;
    }
    if (this.#emptied !== undefined) this.#checkEmptied();
  }

  expire(): void {
    const { now } = processDeadlines;
    // From the end down: the passage that takes the place of one that leaves meanwhile has been looked at.
    for (let place = this.#passages.length - 1; place >= 0; place--) this.#passages[place]?.look(now);
    if (this.#passages.length > 0) this.deadline = now + nextTick;
    else processDeadlines.unwatch(this);
  }

  crashed(error: unknown): void {
    this.handler.fault(error, undefined);
  }

  tunnelOpened(socket: net.Socket): void {
    this.#tunnels.add(socket);
    socket.once('close', () => {
      this.#tunnels.delete(socket);
      this.#checkEmptied();
    });
  }

  close(graceMs: number): Promise<void> {
    this.#closing ??= this.#close(graceMs);
    return this.#closing;
  }

  #close(graceMs: number): Promise<void> {
    if (this.active === 0) return Promise.resolve();
    return new Promise((resolve) => {
      const end = setTimeout(() => {
        for (const passage of [...this.#passages]) passage.cut('reset');
        for (const socket of this.#tunnels) socket.destroy();
      }, graceMs);
      this.#emptied = () => {
        clearTimeout(end);
        resolve();
      };
    });
  }

  #watch(): void {
    this.deadline = processDeadlines.now + nextTick;
    processDeadlines.watch(this);
  }

  #checkEmptied(): void {
    if (this.active === 0) this.#emptied?.();
  }
}
