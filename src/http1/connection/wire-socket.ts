import net from 'node:net';
import { TLSSocket } from 'node:tls';
import { processResolver } from '../../dns/resolver.ts';
import type { AddressGuard } from '../../model/address-guard.ts';
import { processDescriptors } from '../../model/descriptors.ts';
import { inUse, type Yielding } from '../../model/longest-idle.ts';
import type { TlsConnector } from '../../tls/tls-connector.ts';
import { lackingForDirectWrites, type PendingWrite, type WritingHandle, writeDirectly, writeError } from './direct-write.ts';
import { readBuffers } from './read-buffers.ts';
import { bypassTlsStream } from './tls-bypass.ts';

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

/** A socket, plain or TLS, that reports to one receiver. */
export interface Wire extends net.Socket, Yielding {
  receiver: Receiver;
  failure: Error | undefined;
  /** True after `eof` of a TLS connection that was not ended by close_notify: octets may be missing. */
  readonly cut?: boolean;
  /** TLS has copied all octets and the kernel has taken them, but Node ends the write only later in this turn of the event loop: then `drained` is called. */
  readonly ending: boolean;
  /** Sends octets if they can be copied before it returns; otherwise returns false. Undefined: octets are never copied. */
  sendCopied?(octets: Buffer): boolean;
  /** Stops reading, as `pause`, until `resume` is called in this turn of the event loop. More octets are read at a time then. */
  yield(): void;
  /** Writes octets. Returns true if their memory must not be reused, because the write goes on. Does nothing on an ended or closed socket. */
  send(octets: Buffer): boolean;
}

/** True if more octets would have to be kept: `drained` will be called. */
export function mustDrain(wire: Wire): boolean {
  return wire.ending || wire.writableNeedDrain;
}

/** The peer of a connection to be opened. */
export interface Destination {
  readonly host: string;
  readonly port: number;
  /** Opens TLS connections to the peer; undefined: connections are plain. */
  readonly secure: TlsConnector | undefined;
  /** Addresses that must not be connected to, whatever name leads there; undefined: none. */
  readonly guard?: AddressGuard | undefined;
}

/** The reading part of a TCP socket's handle. */
interface ReadingHandle {
  reading: boolean;
  readStart(): number;
  readStop(): number;
}

/** The buffer that a new socket, or the socket just read, reads into from now on; undefined: no change. Node asks `onread` for it. */
let next: Buffer | undefined = readBuffers.shared;

const onread = {
  buffer(): Buffer | undefined {
    const chosen = next;
    next = readBuffers.shared;
    return chosen;
  },
  callback(this: unknown, count: number, octets: Uint8Array): boolean {
    const wire = this as PlainWire;
    const buffer = octets as Buffer;
    readBuffers.before(buffer);
    let goesOn = true;
    try {
      goesOn = wire.receiver.octets(buffer, 0, count) !== false;
    } catch (error) {
      wire.receiver.crashed(error);
    }
    next = wire.yields
      ? readBuffers.afterCopied(buffer, count)
      : readBuffers.after(buffer, goesOn && count === buffer.length && !wire.isPaused());
    if (next !== undefined) wire.into = next;
    return goesOn;
  },
};

/**
 * A wire without TLS. It writes past its stream as long as the kernel takes everything at once; writes that have to wait become the
 * stream's.
 */
class PlainWire extends net.Socket implements Wire {
  receiver: Receiver;
  failure: Error | undefined;
  /** The buffer that this socket reads into. */
  into: Buffer = readBuffers.shared;
  /** A direct write in progress, which the stream's next `_write` adopts instead of writing again. */
  #pending: PendingWrite | undefined;
  /** A failed write does not end the wire: an answer that the server sent before it reset the connection is still read to its end. */
  readsOn: boolean;
  readonly ending = false;
  /** Reading has stopped for the rest of this turn. */
  yields = false;
  #writeFailed = false;

  constructor(receiver: Receiver, handle?: unknown) {
    super({ handle, allowHalfOpen: true, onread } as net.SocketConstructorOpts);
    this.receiver = receiver;
    this.readsOn = handle === undefined;
    // Each piece goes through `_write`, which sees its failure.
    if (this.readsOn) Object.assign(this, { _writev: null });
  }

  idleSince(): number {
    return this.receiver.idleSince?.() ?? inUse;
  }

  giveWay(): void {
    this.receiver.giveWay?.();
  }

  /** Past the stream, whose own pause costs several times as much. */
  yield(): void {
    const handle = (this as unknown as { _handle: ReadingHandle | null })._handle;
    if (handle === null || this.readableFlowing !== true) {
      this.pause();
      return;
    }
    this.yields = true;
    handle.reading = false;
    handle.readStop();
  }

  override resume(): this {
    if (!this.yields) return super.resume();
    this.yields = false;
    const handle = (this as unknown as { _handle: ReadingHandle | null })._handle;
    if (handle !== null && !handle.reading) {
      handle.reading = true;
      handle.readStart();
    }
    return this;
  }

  send(octets: Buffer): boolean {
    if (this.destroyed || this.writableEnded || this.#writeFailed) return false;
    const handle = (this as unknown as { _handle: WritingHandle | null })._handle;
    const written = handle === null || this.connecting || this.writableLength > 0 ? undefined : writeDirectly(handle, octets);
    if (written === 0) return false;
    if (typeof written === 'number') {
      if (this.readsOn) this.#stopWriting(written);
      else this.destroy(writeError(written));
      return false;
    }
    this.#pending = written;
    this.write(octets);
    return this.writableLength > 0;
  }

  override _write(octets: Buffer, encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    const pending = this.#pending;
    this.#pending = undefined;
    if (this.#writeFailed) {
      done();
      return;
    }
    const handle = (this as unknown as { _handle: WritingHandle | null })._handle;
    const written = pending ?? (this.readsOn && handle !== null && !this.connecting ? writeDirectly(handle, octets) : undefined);
    if (written === undefined) super._write(octets, encoding, done);
    else if (typeof written === 'number') this.#written(written, done);
    else written.oncomplete = (status) => this.#written(status, done);
  }

  #written(status: number, done: (error?: Error | null) => void): void {
    if (status < 0 && this.readsOn) this.#stopWriting(status);
    done(status < 0 && !this.readsOn ? writeError(status) : null);
  }

  /** A write failed: the wire only reads from now on. */
  #stopWriting(errno: number): void {
    this.failure ??= writeError(errno);
    this.#writeFailed = true;
    this.resume();
  }
}

/**
 * Turns a socket that a `net.Server` accepted with `pauseOnConnect`, or one with TLS whose handshake is complete, into a wire. The given object
 * must not be used afterwards.
 */
export function accept(accepted: net.Socket, receiver: Receiver): Wire {
  if (accepted instanceof TLSSocket) return bypassTlsStream(asStream(accepted, receiver)).resume();
  if (lackingForDirectWrites !== undefined) return asStream(accepted, receiver).resume();
  // Node has no public way to make an accepted socket read into a given buffer, so a new socket takes over its handle.
  const inside = accepted as unknown as { _handle: { reading?: boolean; readStop(): void } | null };
  const handle = inside._handle;
  inside._handle = null;
  // The start of the connection, a header of the PROXY protocol, may have been read.
  if (handle?.reading) {
    handle.reading = false;
    handle.readStop();
  }
  accepted.destroy();
  return report(new PlainWire(receiver, handle));
}

/** Turns a wire into an ordinary Node stream, for a protocol other than HTTP. Its receiver gets no more calls. */
export function release(wire: Wire): net.Socket {
  wire.off('data', read).off('end', ended).off('drain', drained).off('error', failed).off('close', closed).on('close', giveBack);
  if (wire instanceof PlainWire) wire.readsOn = false;
  else wire.pause();
  wire.receiver = {
    octets: (buffer, start, end) => wire.push(Buffer.from(buffer.subarray(start, end))),
    eof() {},
    drained() {},
    closed() {},
    crashed: (error) => wire.destroy(error as Error),
  };
  return wire;
}

/**
 * Destroys a socket with a RST. A socket that is sending its FIN cannot be reset: libuv refuses to reset during a shutdown, and Node would
 * leave the socket open. Everything has been sent by then, so closing it is enough. TLS shows a cut by itself: its end is missing.
 */
export function reset(socket: net.Socket): void {
  if (socket.writableEnded || socket instanceof TLSSocket) socket.destroy();
  else socket.resetAndDestroy();
}

/**
 * Opens a connection; `connected` is called once, unless the receiver's `closed` comes first.
 * @param limitMs after which the receiver gives up; addresses of a name share it. 0: no limit
 * @param preface octets to send before anything else, a TLS handshake too
 */
export function connect(destination: Destination, receiver: Receiver, limitMs: number, connected: () => void, preface?: Buffer): Wire {
  const { host, port, secure, guard } = destination;
  const opened = () => {
    try {
      connected();
    } catch (error) {
      receiver.crashed(error);
    }
  };
  if (secure === undefined) {
    const wire = processResolver.observe(report(new PlainWire(receiver)), host);
    if (preface !== undefined) wire.once('connect', () => wire.send(preface));
    wire.connect(
      { ...processResolver.dial(host, port, limitMs, guard), noDelay: true, keepAlive: true } as net.TcpSocketConnectOpts,
      opened,
    );
    return wire;
  }
  const secured = () => {
    // Only now the handle is the final one: until then, another address may be tried.
    bypassTlsStream(wire);
    opened();
  };
  const wire: Wire = asStream(secure.connect(host, port, { limitMs, guard, preface, secured }), receiver).setNoDelay(true);
  return wire;
}

/** Turns a socket into a wire that reads and writes as Node's streams do. */
function asStream(socket: net.Socket, receiver: Receiver): Wire {
  const { idleSince, giveWay } = PlainWire.prototype;
  const parts = { receiver, failure: undefined, ending: false, yield: socket.pause, send: sendAsStream, idleSince, giveWay };
  return report(Object.assign(socket, parts)).on('data', read);
}

function sendAsStream(this: Wire, octets: Buffer): boolean {
  if (!this.destroyed && !this.writableEnded) this.write(octets);
  return this.writableLength > 0;
}

function report(wire: Wire): Wire {
  processDescriptors.opened(wire);
  wire.on('end', ended).on('drain', drained).on('error', failed).on('close', closed);
  return wire;
}

function read(this: Wire, chunk: Buffer): void {
  try {
    this.receiver.octets(chunk, 0, chunk.length);
  } catch (error) {
    this.receiver.crashed(error);
  }
}

function ended(this: Wire): void {
  try {
    this.receiver.eof();
  } catch (error) {
    this.receiver.crashed(error);
  }
}

function drained(this: Wire): void {
  try {
    this.receiver.drained();
  } catch (error) {
    this.receiver.crashed(error);
  }
}

function failed(this: Wire, error: Error): void {
  this.failure ??= error;
}

function closed(this: Wire): void {
  giveBack.call(this);
  try {
    this.receiver.closed(this.failure);
  } catch (error) {
    this.receiver.crashed(error);
  }
}

function giveBack(this: Wire): void {
  processDescriptors.closed(this);
  if (this instanceof PlainWire) readBuffers.giveBack(this.into);
}
