import type net from 'node:net';
import type { Yielding } from '../../model/longest-idle.ts';

/** Receives the events of a socket. A socket has one receiver at a time. */
export interface Receiver extends Partial<Yielding> {
  /**
   * Octets [start, end) of `buffer` were received. The buffer is reused after the call: copy what must outlive it.
   * Returning false stops reading until the socket's stream asks for more.
   */
  octets(buffer: Buffer, start: number, end: number): unknown;
  /** The peer has closed its sending side. */
  eof(): void;
  /** Everything written has left, after a write had to wait. */
  drained(): void;
  /** The socket is closed. No other call follows. */
  closed(error: Error | undefined): void;
  /** One of the methods above threw, which is a bug: ends the exchange or connection, and reports the error. */
  crashed(error: unknown): void;
}

/** A connection, plain or TLS, that reports to one receiver. What it shares with a stream behaves as there. */
export interface Wire extends Yielding {
  receiver: Receiver;
  failure: Error | undefined;
  readonly destroyed: boolean;
  /** The internal handle; undefined: it is that of the socket. */
  readonly handle?: object;
  readonly remoteAddress?: string | undefined;
  readonly remotePort?: number | undefined;
  readonly localAddress?: string | undefined;
  readonly localPort?: number | undefined;
  readonly writableEnded: boolean;
  readonly writableLength: number;
  readonly writableNeedDrain: boolean;
  /** True after `eof` of a TLS connection that was not ended by close_notify: octets may be missing. */
  readonly cut?: boolean;
  /** TLS has copied all octets and the kernel has taken them, but Node ends the write only later in this turn of the event loop: then `drained` is called. */
  readonly ending: boolean;
  pause(): unknown;
  resume(): unknown;
  /** Stops reading, as `pause`, until `resume` is called in this turn of the event loop. More octets are read at a time then. */
  yield(): void;
  /**
   * Writes octets. Returns true if their memory must not be reused, because the write goes on, until `letGo` is called once; octets that wait for other
   * writes are copied. Does nothing on an ended or closed socket. Calls no receiver back: the octets of others may not have left yet.
   */
  send(octets: Buffer, letGo?: () => void): boolean;
  /** Sends octets if they can be copied before it returns; otherwise returns false. Undefined: octets are never copied. */
  sendCopied?(octets: Buffer): boolean;
  /** Calls `done` when everything written has left: at once if nothing waits. */
  whenSent(done: () => void): void;
  end(): unknown;
  destroySoon(): void;
  destroy(error?: Error): unknown;
}

/** Returns a wire, which is open already, for its receiver. */
export type OpenWire = (receiver: Receiver) => Wire;

/** A wire that is a socket. */
export interface SocketWire extends net.Socket, Yielding {
  receiver: Receiver;
  failure: Error | undefined;
  readonly cut?: boolean;
  readonly ending: boolean;
  yield(): void;
  send(octets: Buffer, letGo?: () => void): boolean;
  sendCopied?(octets: Buffer): boolean;
  whenSent(done: () => void): void;
}

/** Code of an error with which a wire ends whose peer has not read anything of it, and will not. */
export const unreadCode = 'ERR_UNREAD';

/** True if the peer has certainly not processed what was sent. */
export function isUnread(error: Error | undefined): boolean {
  return (error as NodeJS.ErrnoException | undefined)?.code === unreadCode;
}

/** Code of an error with which a wire ends because its peer has closed it. */
const cutOffCode = 'ERR_CUT_OFF';
const cutOffCodes = new Set([cutOffCode, 'ECONNRESET', 'EPIPE']);

export function cutOff(reason: string): Error {
  return Object.assign(new Error(reason), { code: cutOffCode });
}

/** True if a wire ended because its peer has closed or reset it. */
export function isCutOff(error: Error | undefined): boolean {
  return cutOffCodes.has((error as NodeJS.ErrnoException | undefined)?.code ?? '');
}

/** True if more octets would have to be kept: `drained` will be called. */
export function mustDrain(wire: Wire): boolean {
  return wire.ending || wire.writableNeedDrain;
}
