import type net from 'node:net';
import { processDeadlines, type Watched } from '../http1/connection/deadlines.ts';
import { processDescriptors } from '../model/descriptors.ts';
import { givesWay, type Yielding } from '../model/longest-idle.ts';
import type { ConnectionEnds } from '../model/proxy-protocol.ts';
import { mostHeaderOctets, parseProxyHeader } from './proxy-header.ts';

/** Hears of the end of a reader: exactly one of these calls comes. */
export interface ProxyHeaderOwner {
  /**
   * The header was read. The socket is not read any more.
   * @param ends of the client's connection; undefined: those of the socket
   * @param rest octets that came after the header
   */
  headerRead(reader: ProxyHeaderReader, socket: net.Socket, ends: ConnectionEnds | undefined, rest: Buffer): void;
  /** The peer sent something else, or nothing in time. The socket is not read any more. */
  headerRefused(reader: ProxyHeaderReader, socket: net.Socket, reason: string): void;
  /** The connection is closed: the peer left before it had sent anything, or the connection gave way to another. */
  headerGone(reader: ProxyHeaderReader): void;
}

/** Reads the header of the PROXY protocol from an accepted connection, in whatever pieces it comes. */
export class ProxyHeaderReader implements Watched, Yielding {
  deadline: number;
  readonly #owner: ProxyHeaderOwner;
  readonly #socket: net.Socket;
  readonly #since = processDeadlines.stamp() - givesWay.unusedSooner;
  #held: Buffer = Buffer.alloc(0);
  #ended = false;

  /** @param socket accepted and paused, of which nothing was read @param limitMs time for the header; 0: no limit */
  constructor(owner: ProxyHeaderOwner, socket: net.Socket, limitMs: number) {
    this.#owner = owner;
    this.#socket = socket;
    this.deadline = processDeadlines.in(limitMs);
    processDeadlines.watch(this);
    processDescriptors.opened(this);
    socket.on('readable', this.#read).on('error', ignore).on('end', this.#left).on('close', this.#left);
  }

  idleSince(): number {
    return this.#since;
  }

  giveWay(): void {
    this.destroy();
  }

  expire(): void {
    this.#refuse('no complete PROXY header in time');
  }

  crashed(error: unknown): void {
    this.destroy();
    throw error;
  }

  destroy(): void {
    if (!this.#end()) return;
    this.#socket.on('error', ignore).destroy();
    this.#owner.headerGone(this);
  }

  readonly #left = (): void => {
    if (this.#held.length > 0) this.#refuse('the connection ended within its PROXY header');
    else this.destroy();
  };

  readonly #read = (): void => {
    const piece: Buffer | null = this.#socket.read();
    if (piece === null || this.#ended) return;
    this.#held = this.#held.length === 0 ? piece : Buffer.concat([this.#held, piece]);
    const header = parseProxyHeader(this.#held);
    if (header === 'incomplete' && this.#held.length < mostHeaderOctets) return;
    if (header === 'incomplete') this.#refuse('the PROXY header is too long');
    else if ('fault' in header) this.#refuse(header.fault);
    else if (this.#end()) this.#owner.headerRead(this, this.#socket, header.ends, this.#held.subarray(header.length));
  };

  #refuse(reason: string): void {
    if (this.#end()) this.#owner.headerRefused(this, this.#socket, reason);
  }

  /** Lets go of the socket; false if that was done before. */
  #end(): boolean {
    if (this.#ended) return false;
    this.#ended = true;
    processDeadlines.unwatch(this);
    processDescriptors.closed(this);
    this.#socket.off('readable', this.#read).off('error', ignore).off('end', this.#left).off('close', this.#left);
    return true;
  }
}

function ignore(): void {}
