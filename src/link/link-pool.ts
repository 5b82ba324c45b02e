import { processResolver } from '../dns/resolver.ts';
import type { ClientConnection } from '../http1/connection/client-connection.ts';
import { ConnectionPool } from '../http1/connection/connection-pool.ts';
import { introduceWire } from '../http1/connection/introduction.ts';
import type { Receiver, Wire } from '../http1/connection/wire.ts';
import { connect } from '../http1/connection/wire-socket.ts';
import { jittered } from '../model/clock.ts';
import { unmapped } from '../model/ip-address.ts';
import { inUse } from '../model/longest-idle.ts';
import { Link } from './link.ts';
import { linkIntroduction, noLink } from './opening.ts';

/** Milliseconds to open a link; until then, requests have connections of their own. */
const connectMs = 5000;
/** Milliseconds after which another link is tried: if the last one was lost or could not be opened, and if the server did not agree to one or broke its rules. */
const againMs = { lost: 1000, refused: 60_000 };
/** Milliseconds that a silent link has for a sign of life once the server has opened another one: TCP may still repeat what was lost on the way. */
const outlivedMs = 5000;

/** Notified of links that end because the server broke the rules. */
export type LinkFault = (reason: string) => void;

/**
 * The link to one server, and its streams as connections. While there is no link, `take` finds none, and one is opened beside the requests that go
 * over connections of their own.
 */
export class LinkPool {
  readonly #base: ConnectionPool;
  readonly #onFault: LinkFault;
  /** `openedAt` is a time of the deadlines. */
  #present: { readonly link: Link; readonly streams: ConnectionPool; readonly openedAt: number } | undefined;
  /** The present link has carried no exchange yet. */
  #isNew = false;
  /** Streams of links that carry their last exchanges. */
  readonly #leaving = new Set<ConnectionPool>();
  /** A link that is being opened. */
  #opening: Wire | undefined;
  #introduction: ConnectionPool['introduction'];
  /** Time of the deadlines before which no link is tried. */
  #notBefore = 0;
  /** Time of the deadlines after which the link carries no further exchange. */
  #keptUntil = Number.POSITIVE_INFINITY;
  #retired = false;
  #unwatch: (() => void) | undefined;

  /** @param base the pool of the server's connections: its destination, its introduction, its counts */
  constructor(base: ConnectionPool, onFault: LinkFault) {
    this.#base = base;
    this.#onFault = onFault;
  }

  /** Open links that take exchanges: 0 or 1. */
  get open(): number {
    return this.#present === undefined ? 0 : 1;
  }

  /** A connection for one exchange; undefined: there is no link, or it has no room. */
  take(): ClientConnection | undefined {
    const present = this.#present;
    if (present === undefined || this.#introduction !== this.#base.introduction || this.#keptUntil <= this.#base.deadlines.now) {
      this.#renew();
      return undefined;
    }
    const { link, streams } = present;
    if (link.congested) return undefined;
    const idle = streams.take();
    if (idle === undefined && !link.hasRoom) return undefined;
    // Each exchange counts once: it has opened a connection, or used one again.
    if (this.#isNew) this.#base.connects++;
    else this.#base.reuses++;
    this.#isNew = false;
    return idle ?? streams.over((receiver) => link.open(receiver));
  }

  doubt(): void {
    this.#present?.streams.doubt();
    for (const streams of this.#leaving) streams.doubt();
  }

  /** Opens no streams any more; the link is closed with its last exchange. */
  retire(): void {
    this.#retired = true;
    this.#leave();
  }

  revive(): void {
    this.#retired = false;
  }

  /** Gives the present link up, if there is one, and opens another. */
  #renew(): void {
    const { deadlines, introduction } = this.#base;
    if (this.#retired || introduction === undefined) return;
    if (this.#introduction !== introduction) this.#notBefore = 0;
    this.#leave();
    if (this.#opening !== undefined || deadlines.now < this.#notBefore) return;
    this.#dial(introduction);
  }

  #leave(): void {
    const present = this.#present;
    this.#present = undefined;
    this.#unwatch?.();
    this.#unwatch = undefined;
    if (present === undefined) return;
    const { link, streams } = present;
    this.#leaving.add(streams);
    link.leave();
    streams.retire();
  }

  /**
   * A link gives no sign of life: its connection is dead, or the server stands still. A server that opens another link lives, so that nothing that
   * waits on the silent one is ever answered.
   */
  #fellSilent(link: Link): void {
    const next = this.#present;
    if (next === undefined) this.#renew();
    else if (next.openedAt + outlivedMs <= this.#base.deadlines.now)
      link.destroy('no sign of life, while the server has opened another link');
  }

  #dial(introduction: NonNullable<ConnectionPool['introduction']>): void {
    const { destination, deadlines } = this.#base;
    this.#introduction = introduction;
    this.#notBefore = deadlines.now + againMs.lost;
    const dialled = new Dialled(deadlines.in(connectMs), (error) => {
      deadlines.unwatch(dialled);
      this.#opening = undefined;
      if (error?.message === noLink) this.#notBefore = deadlines.now + againMs.refused;
    });
    deadlines.watch(dialled);
    const wire: Wire = connect(destination, dialled, connectMs, () =>
      introduceWire(wire, linkIntroduction(introduction), dialled, () => {
        deadlines.unwatch(dialled);
        this.#opening = undefined;
        this.#opened(wire);
      }),
    );
    dialled.wire = wire;
    this.#opening = wire;
  }

  #opened(wire: Wire): void {
    const { deadlines, ageMs, idleMs, destination } = this.#base;
    if (this.#retired) {
      wire.destroySoon();
      return;
    }
    this.#isNew = true;
    this.#keptUntil = ageMs > 0 ? deadlines.in(jittered(ageMs, Math.random)) : Number.POSITIVE_INFINITY;
    const streams = new ConnectionPool(destination, deadlines, { idleMs, ageMs: 0 });
    const forget = () => {
      if (this.#present?.streams === streams) this.#leave();
    };
    const link: Link = new Link(wire, {
      deadlines,
      emptied: () => {
        if (this.#present?.streams !== streams) link.close();
      },
      leaving: (reason) => {
        forget();
        if (reason === 'silent') this.#fellSilent(link);
      },
      closed: (reason, fault) => {
        forget();
        this.#leaving.delete(streams);
        if (!fault) return;
        this.#notBefore = deadlines.in(againMs.refused);
        this.#onFault(reason);
      },
      crashed: (error) => {
        throw error;
      },
    });
    this.#present = { link, streams, openedAt: deadlines.now };
    this.#unwatch = processResolver.watch(destination.host, (present) => {
      if (wire.remoteAddress === undefined || !present.has(unmapped(wire.remoteAddress))) this.#keptUntil = 0;
    });
  }
}

/** A connection that is to become a link, until the server has agreed. */
class Dialled implements Receiver {
  deadline: number;
  wire: Wire | undefined;
  readonly #failed: (error: Error | undefined) => void;

  constructor(deadline: number, failed: (error: Error | undefined) => void) {
    this.deadline = deadline;
    this.#failed = failed;
  }

  idleSince(): number {
    return inUse;
  }

  octets(): void {}

  eof(): void {
    this.wire?.destroy();
  }

  drained(): void {}

  closed(error: Error | undefined): void {
    this.#failed(error);
  }

  expire(): void {
    this.wire?.destroy(new Error('no link in time'));
  }

  crashed(error: unknown): void {
    this.wire?.destroy(error as Error);
  }
}
