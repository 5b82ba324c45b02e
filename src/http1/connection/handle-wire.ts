import net from 'node:net';
import { getDefaultHighWaterMark } from 'node:stream';
import { processDescriptors } from '../../model/descriptors.ts';
import { inUse } from '../../model/longest-idle.ts';
import { octetsRead, readError } from './direct-write.ts';
import {
  endOfFile,
  type ShutdownRequest,
  startReading,
  stopReading,
  type TcpEnd,
  type TcpHandle,
  type TlsHandle,
} from './tls-internals.ts';
import type { Receiver, Wire } from './wire.ts';

/** With this many octets waiting, a sender must wait too: as for streams. */
const mostWaiting = getDefaultHighWaterMark(false);

/** Handles know their wire. */
type OwnedHandle<Handle> = Handle & { wire: HandleWire };
type OwnedShutdown = ShutdownRequest & { wire: HandleWire };

/**
 * An accepted connection on Node's internal handles alone. A socket with its streams would cost more than a third of a handshake, half of the
 * memory of an idle connection, and garbage. An ordinary stream is made of it only if the connection is given away.
 */
export abstract class HandleWire implements Wire {
  failure: Error | undefined;
  destroyed = false;
  ending = false;
  writableEnded = false;
  writableNeedDrain = false;
  /** Octets that wait: for the kernel, or for the end of a write. */
  writableLength = 0;
  readonly remoteAddress: string | undefined;
  readonly remotePort: number | undefined;
  readonly handle: TlsHandle | TcpHandle;
  /** Undefined once the connection is given away. */
  protected to: Receiver | undefined;
  protected paused = false;
  protected eof = false;
  /** Called when everything written has left. */
  protected sent: (() => void) | undefined;
  readonly #tcp: TcpHandle;
  readonly #Shutdown: new () => ShutdownRequest;
  /** The end of the sending side is on its way, or has left. */
  #shutting = false;
  #shut = false;
  #destroysSoon = false;

  /** @param handle that reads into the shared buffer: `tcp`, or what encrypts for it @param peer the client's end */
  constructor(handle: TlsHandle | TcpHandle, tcp: TcpHandle, peer: TcpEnd, Shutdown: new () => ShutdownRequest) {
    this.handle = handle;
    this.#tcp = tcp;
    this.#Shutdown = Shutdown;
    this.remoteAddress = peer.address;
    this.remotePort = peer.port;
    (handle as OwnedHandle<TlsHandle | TcpHandle>).wire = this;
    handle.onread = read;
  }

  /** Writes octets; see {@link Wire.send}. */
  abstract send(octets: Buffer, letGo?: () => void): boolean;

  /** Makes an ordinary stream of the handle, which is not closed. */
  protected abstract stream(): net.Socket;

  /** Takes the octets that were read. Returns the buffer for the next read; undefined: the same. */
  protected abstract received(count: number): Buffer | undefined;

  /** No octets that were read wait for the receiver. */
  protected get allTaken(): boolean {
    return true;
  }

  /** A write is in progress after which the sending side can be ended. */
  protected get mustFinish(): boolean {
    return false;
  }

  get receiver(): Receiver {
    return this.to as Receiver;
  }

  set receiver(receiver: Receiver) {
    this.to = receiver;
  }

  get localAddress(): string | undefined {
    return this.#local.address;
  }

  get localPort(): number | undefined {
    return this.#local.port;
  }

  /** Octets that the kernel has not taken. */
  protected get unsent(): number {
    return this.#tcp.writeQueueSize;
  }

  idleSince(): number {
    return this.to?.idleSince?.() ?? inUse;
  }

  giveWay(): void {
    this.to?.giveWay?.();
  }

  /** Makes an ordinary stream of the connection. The receiver gets no more calls. */
  release(): net.Socket {
    this.to = undefined;
    this.sent = undefined;
    // The handle already reports its close to this wire, and Node reports one close only.
    return this.destroyed ? new net.Socket({ allowHalfOpen: true }).destroy() : this.stream();
  }

  /** Gives the octets of the connection to a receiver. */
  serve(receiver: Receiver): this {
    this.to = receiver;
    processDescriptors.opened(this);
    return this;
  }

  whenSent(done: () => void): void {
    if (this.writableLength === 0) done();
    else this.sent = done;
  }

  pause(): this {
    if (this.paused || this.destroyed) return this;
    this.paused = true;
    stopReading(this.handle);
    return this;
  }

  resume(): this {
    if (!this.paused || this.destroyed) return this;
    this.paused = false;
    startReading(this.handle);
    return this;
  }

  yield(): void {
    this.pause();
  }

  end(): void {
    if (this.writableEnded || this.destroyed) return;
    this.writableEnded = true;
    if (!this.mustFinish) this.shutdown();
  }

  destroySoon(): void {
    this.end();
    if (this.#shut) this.destroy();
    else this.#destroysSoon = true;
  }

  destroy(error?: Error): void {
    if (this.destroyed) return;
    this.destroyed = true;
    this.failure ??= error;
    this.handle.close(() => this.closed());
  }

  // Called by the handles

  read(count: number): Buffer | undefined {
    if (count > 0 && !this.destroyed) return this.received(count);
    if (count < 0) this.#readEnded(count);
    return undefined;
  }

  shut(): void {
    this.#shut = true;
    if (this.#destroysSoon) this.destroy();
  }

  // For the kinds of wires

  protected wait(octets: number): void {
    this.writableLength += octets;
    if (this.writableLength >= mostWaiting) this.writableNeedDrain = true;
  }

  protected shutdown(): void {
    if (this.#shutting) return;
    this.#shutting = true;
    const request = new this.#Shutdown() as OwnedShutdown;
    request.wire = this;
    request.oncomplete = shut;
    if (this.handle.shutdown(request) !== 0) this.shut();
  }

  protected report(event: 'eof' | 'drained'): void {
    const receiver = this.to;
    if (receiver === undefined || this.destroyed) return;
    try {
      receiver[event]();
    } catch (error) {
      receiver.crashed(error);
    }
  }

  protected closed(): void {
    processDescriptors.closed(this);
    const receiver = this.to;
    if (receiver === undefined) return;
    try {
      receiver.closed(this.failure);
    } catch (error) {
      receiver.crashed(error);
    }
  }

  #readEnded(errno: number): void {
    if (this.destroyed || this.eof) return;
    if (errno !== endOfFile) {
      this.destroy(readError(errno));
      return;
    }
    this.eof = true;
    if (this.allTaken) this.report('eof');
  }

  get #local(): TcpEnd {
    const end: TcpEnd = {};
    return this.#tcp.getsockname(end) === 0 ? end : {};
  }
}

function read(this: OwnedHandle<object>): Buffer | undefined {
  return this.wire.read(octetsRead());
}

function shut(this: OwnedShutdown): void {
  this.wire.shut();
}
