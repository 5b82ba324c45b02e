import net from 'node:net';
import { TLSSocket } from 'node:tls';
import { processResolver } from '../../dns/resolver.ts';
import type { AddressGuard } from '../../model/address-guard.ts';
import { processDescriptors } from '../../model/descriptors.ts';
import { inUse } from '../../model/longest-idle.ts';
import type { SecureSocket } from '../../tls/secured-connection.ts';
import type { TlsConnector } from '../../tls/tls-connector.ts';
import { lackingForDirectWrites, octetsRead, type PendingWrite, type WritingHandle, writeDirectly, writeError } from './direct-write.ts';
import { handOver } from './hand-over.ts';
import { HandleWire } from './handle-wire.ts';
import { readBuffers } from './read-buffers.ts';
import { bypassTlsStream } from './tls-bypass.ts';
import type { Receiver, SocketWire, Wire } from './wire.ts';

/** The peer of a connection to be opened. */
export interface Destination {
  readonly host: string;
  readonly port: number;
  /** Opens TLS connections to the peer; undefined: connections are plain. */
  readonly secure: TlsConnector | undefined;
  /** Addresses that must not be connected to, whatever name leads there; undefined: none. */
  readonly guard?: AddressGuard | undefined;
}

/** A connection that is a wire already. */
interface ReadyWire {
  serve(receiver: Receiver): Wire;
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
    const goesOn = wire.receive(buffer, count);
    next = wire.chosen;
    return goesOn;
  },
};

/** The reading part of a handle, which knows its wire. */
interface ReportingHandle extends ReadingHandle {
  wire: PlainWire;
  onread(this: ReportingHandle, octets: unknown): unknown;
}

/** Takes the place of Node's own function, which would cost more than the parser. Returns the buffer for the next read; undefined: the same. */
function received(this: ReportingHandle, octets: unknown): unknown {
  const { wire } = this;
  const count = octetsRead();
  if (count <= 0) return wire.endsReading?.call(this, octets);
  if (!wire.receive(wire.into, count) && this.reading) {
    this.reading = false;
    this.readStop();
  }
  return wire.chosen;
}

/**
 * A wire without TLS. It writes past its stream as long as the kernel takes everything at once; writes that have to wait become the
 * stream's.
 */
class PlainWire extends net.Socket implements SocketWire {
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
  /** The buffer chosen after the last read; undefined: no change. */
  chosen: Buffer | undefined;
  /** Node's own function for what is read, which handles the end and errors. */
  endsReading: ReportingHandle['onread'] | undefined;

  constructor(receiver: Receiver, handle?: unknown) {
    // Node heeds these two for a new connection only if the constructor is given them, not `connect`.
    const ofNew = handle === undefined ? { noDelay: true, keepAlive: true } : undefined;
    super({ handle, allowHalfOpen: true, onread, ...ofNew } as net.SocketConstructorOpts);
    this.receiver = receiver;
    this.readsOn = handle === undefined;
    // Each piece goes through `_write`, which sees its failure.
    if (this.readsOn) Object.assign(this, { _writev: null });
  }

  /** Reads past Node's stream from now on: the connection is established, and the handle stays the same. */
  readDirectly(): this {
    const handle = (this as unknown as { _handle: ReportingHandle | null })._handle;
    if (lackingForDirectWrites === undefined && typeof handle?.onread === 'function') {
      this.endsReading = handle.onread;
      handle.wire = this;
      handle.onread = received;
    }
    return this;
  }

  /** Takes octets that were read. Returns false if the receiver does not want more. */
  receive(buffer: Buffer, count: number): boolean {
    readBuffers.before(buffer);
    const goesOn = handOver(this.receiver, buffer, count);
    this.chosen = this.yields
      ? readBuffers.afterCopied(buffer, count)
      : readBuffers.after(buffer, goesOn && count === buffer.length && !this.isPaused());
    if (this.chosen !== undefined) this.into = this.chosen;
    return goesOn;
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

  send(octets: Buffer, letGo?: () => void): boolean {
    if (this.destroyed || this.writableEnded || this.#writeFailed) return false;
    const handle = (this as unknown as { _handle: WritingHandle | null })._handle;
    const written = handle === null || this.connecting || this.writableLength > 0 ? undefined : writeDirectly(handle, octets);
    if (written === 0) return false;
    if (typeof written === 'number') {
      if (this.readsOn) this.#stopWriting(written);
      else this.destroy(writeError(written));
      return false;
    }
    if (written === undefined) return sendAsStream.call(this, octets);
    written.letGo = letGo;
    this.#pending = written;
    this.write(octets);
    return true;
  }

  whenSent(done: () => void): void {
    if (this.writableLength === 0) done();
    else this.write('', done);
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
    else written.oncomplete = (status) => this.#written(status, done, written.letGo);
  }

  #written(status: number, done: (error?: Error | null) => void, letGo?: () => void): void {
    letGo?.();
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
 * Turns a socket that a `net.Server` accepted with `pauseOnConnect`, or a connection whose handshake is complete, into a wire. The given object must
 * not be used afterwards.
 */
export function accept(accepted: SecureSocket, receiver: Receiver): Wire {
  return 'serve' in accepted ? (accepted as ReadyWire).serve(receiver) : acceptSocket(accepted as net.Socket, receiver);
}

function acceptSocket(accepted: net.Socket, receiver: Receiver): SocketWire {
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
  return report(new PlainWire(receiver, handle).readDirectly());
}

/** Turns a wire into an ordinary Node stream, for a protocol other than HTTP. Its receiver gets no more calls. */
export function release(wire: Wire): net.Socket {
  return wire instanceof HandleWire ? wire.release() : releaseSocket(wire as SocketWire);
}

function releaseSocket(wire: SocketWire): net.Socket {
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

/** True if the octets of a socket go through TLS. */
function isSecured(socket: net.Socket): boolean {
  if (socket instanceof TLSSocket) return true;
  return (socket as unknown as { _handle: { onhandshakedone?: unknown } | null })._handle?.onhandshakedone !== undefined;
}

/**
 * Destroys a socket with a RST. A socket that is sending its FIN cannot be reset: libuv refuses to reset during a shutdown, and Node would
 * leave the socket open. Everything has been sent by then, so closing it is enough. TLS shows a cut by itself: its end is missing.
 */
export function reset(connection: net.Socket | Wire): void {
  if (connection.writableEnded || !('resetAndDestroy' in connection) || isSecured(connection)) connection.destroy();
  else connection.resetAndDestroy();
}

/**
 * Opens a connection; `connected` is called once, unless the receiver's `closed` comes first.
 * @param limitMs after which the receiver gives up; addresses of a name share it. 0: no limit
 * @param preface octets to send before anything else, a TLS handshake too
 */
export function connect(
  destination: Destination,
  receiver: Receiver,
  limitMs: number,
  connected: () => void,
  preface?: Buffer,
): SocketWire {
  const { host, port, secure, guard } = destination;
  const opened = () => {
    try {
      connected();
    } catch (error) {
      receiver.crashed(error);
    }
  };
  if (secure === undefined) {
    const wire = processResolver.observe(report(new PlainWire(receiver)), host) as PlainWire;
    if (preface !== undefined) wire.once('connect', () => wire.send(preface));
    wire.connect(processResolver.dial(host, port, limitMs, guard) as net.TcpSocketConnectOpts, () => {
      wire.readDirectly();
      opened();
    });
    return wire;
  }
  const secured = () => {
    // Only now the handle is the final one: until then, another address may be tried.
    bypassTlsStream(wire);
    opened();
  };
  const wire: SocketWire = asStream(secure.connect(host, port, { limitMs, guard, preface, secured }), receiver)
    .setNoDelay(true)
    .setKeepAlive(true);
  return wire;
}

/** Turns a socket into a wire that reads and writes as Node's streams do. */
function asStream(socket: net.Socket, receiver: Receiver): SocketWire {
  const { idleSince, giveWay, whenSent } = PlainWire.prototype;
  const parts = { receiver, failure: undefined, ending: false, yield: socket.pause, send: sendAsStream, idleSince, giveWay, whenSent };
  return report(Object.assign(socket, parts)).on('data', read);
}

function sendAsStream(this: SocketWire, octets: Buffer): boolean {
  if (!this.destroyed && !this.writableEnded) this.write(Buffer.from(octets));
  return false;
}

function report(wire: SocketWire): SocketWire {
  processDescriptors.opened(wire);
  wire.on('end', ended).on('drain', drained).on('error', failed).on('close', closed);
  return wire;
}

function read(this: SocketWire, chunk: Buffer): void {
  handOver(this.receiver, chunk, chunk.length);
}

function ended(this: SocketWire): void {
  try {
    this.receiver.eof();
  } catch (error) {
    this.receiver.crashed(error);
  }
}

function drained(this: SocketWire): void {
  try {
    this.receiver.drained();
  } catch (error) {
    this.receiver.crashed(error);
  }
}

function failed(this: SocketWire, error: Error): void {
  this.failure ??= error;
}

function closed(this: SocketWire): void {
  giveBack.call(this);
  try {
    this.receiver.closed(this.failure);
  } catch (error) {
    this.receiver.crashed(error);
  }
}

function giveBack(this: SocketWire): void {
  processDescriptors.closed(this);
  if (this instanceof PlainWire) readBuffers.giveBack(this.into);
}
