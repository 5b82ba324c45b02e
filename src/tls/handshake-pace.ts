import type { ClientHello } from './client-hello.ts';
import { HandshakeReads, type Pausable } from './handshake-reads.ts';
import { HandshakeTurns } from './handshake-turns.ts';

/** Most handshakes that are read at a time once the server has answered their ClientHello. */
const mostAnswered = 64;
/** The same for those that the server has asked for another ClientHello: as soon as it is read, a whole handshake's work follows. */
const mostAskedAgain = 2;

/** A handshake whose ClientHello was read. */
export interface PacedHandshake {
  /** Its client's network. */
  readonly network: string;
  /** False: it has ended. */
  underWay(): boolean;
  readonly connection: Pausable;
  /** Lets the server answer. Returns false if it does so after the call. */
  answer(): boolean;
}

/**
 * The pace of handshakes, at all of their steps: so much of their work is done in one turn of the event loop that requests on open connections, of
 * whatever address, wait for no more than a millisecond or two of it.
 */
export class HandshakePace {
  readonly #turns = new HandshakeTurns();
  readonly #answered = new HandshakeReads(mostAnswered);
  readonly #askedAgain = new HandshakeReads(mostAskedAgain);

  /** Answers a ClientHello when it is its turn, and then reads what follows in turns. */
  start(handshake: PacedHandshake, { sharesKey }: ClientHello): void {
    const read = () => {
      if (handshake.underWay()) (sharesKey ? this.#answered : this.#askedAgain).enter(handshake.connection);
    };
    this.#turns.start(handshake.network, () => {
      if (!handshake.underWay()) return true;
      const atOnce = handshake.answer();
      if (atOnce) read();
      else setImmediate(read);
      return atOnce;
    });
  }

  /** The handshake is complete, or has ended without a connection. May be called more than once. */
  leave(connection: Pausable): void {
    this.#answered.leave(connection);
    this.#askedAgain.leave(connection);
  }
}

/** The pace of the handshakes of this process, which has one event loop. */
export const handshakePace = new HandshakePace();
