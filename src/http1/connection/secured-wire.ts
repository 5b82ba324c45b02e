import type net from 'node:net';
import { processDescriptors } from '../../model/descriptors.ts';
import { type PendingWrite, pendingWrite, writeError } from './direct-write.ts';
import { handOver } from './hand-over.ts';
import { HandleWire } from './handle-wire.ts';
import { largeReadSize, readBuffers } from './read-buffers.ts';
import { streamOf } from './released-stream.ts';
import { type ShutdownRequest, startReading, type TcpEnd, type TcpHandle, type TlsHandle } from './tls-internals.ts';

/**
 * Longest write, in octets, whose end does not count: what comes while it goes on would have to be kept, so after a longer one the sender
 * waits. Node ends no write on a TLS handle before the end of the turn of the event loop.
 */
const mostUncounted = 32 * 1024;
/** Longest write, in octets, that surely ends in the turn in which the kernel takes all of it. */
const mostAtOnce = largeReadSize;

type OwnedHandle = TlsHandle & { readonly wire: SecuredWire };
type OwnedWrite = PendingWrite & { wire: SecuredWire };

/** An accepted connection that is secured by TLS. */
export class SecuredWire extends HandleWire {
  declare readonly handle: TlsHandle;
  /** Octets that were read while the wire was paused. */
  #held: Buffer[] = [];
  #writing = false;
  /** Octets of the write in progress, if the kernel has not taken them at once. */
  #untaken = 0;
  #queue: Buffer[] = [];
  /** Objects for writes, used in turn: Node still refers to the one whose end it reports. */
  #write: OwnedWrite | undefined;
  #otherWrite: OwnedWrite | undefined;

  /** @param tls handle whose handshake is complete, and which reads into the shared buffer */
  constructor(tcp: TcpHandle, tls: TlsHandle, peer: TcpEnd, Shutdown: new () => ShutdownRequest) {
    super(tls, tcp, peer, Shutdown);
    tls.onerror = failed;
  }

  send(octets: Buffer): boolean {
    if (this.destroyed || this.writableEnded) return false;
    if (this.#writing) {
      this.#queue.push(Buffer.from(octets));
      this.wait(octets.length);
    } else this.#begin(octets);
    return false;
  }

  sendCopied(octets: Buffer): boolean {
    if (this.#writing) return false;
    this.send(octets);
    return true;
  }

  override resume(): this {
    if (this.#held.length === 0) return super.resume();
    if (!this.paused || this.destroyed) return this;
    this.paused = false;
    process.nextTick(() => this.#deliver());
    return this;
  }

  protected stream(): net.Socket {
    const socket = streamOf(this.handle, (action) => {
      if (this.#writing) this.sent = action;
      else action();
    });
    for (const octets of this.#held) socket.push(octets);
    if (this.eof) socket.push(null);
    this.handle.onerror = (error) => socket.destroy(error);
    socket.once('close', () => processDescriptors.closed(this));
    return socket;
  }

  // Called by the handles

  written(status: number): void {
    this.#writing = false;
    readBuffers.untaken -= this.#untaken;
    this.writableLength -= this.#untaken;
    this.#untaken = 0;
    if (this.destroyed) return;
    if (status < 0) {
      this.destroy(writeError(status));
      return;
    }
    const drained = this.ending || this.writableNeedDrain;
    this.ending = false;
    this.#next();
    if (this.writableLength > 0) return;
    this.writableNeedDrain = false;
    if (!this.#writing) {
      const sent = this.sent;
      this.sent = undefined;
      sent?.();
    }
    if (drained && !this.ending) this.report('drained');
    if (this.writableEnded && !this.#writing && !this.destroyed) this.shutdown();
  }

  /** Takes the octets that were read into the shared buffer. Those of a paused wire are kept. */
  protected received(count: number): undefined {
    const buffer = readBuffers.shared;
    if (this.paused || this.#held.length > 0) this.#held.push(Buffer.from(buffer.subarray(0, count)));
    else this.#hand(buffer, count);
  }

  protected override get allTaken(): boolean {
    return this.#held.length === 0;
  }

  protected override get mustFinish(): boolean {
    return this.#writing;
  }

  #hand(buffer: Buffer, count: number): void {
    if (!handOver(this.receiver, buffer, count)) this.pause();
  }

  #deliver(): void {
    while (this.#held.length > 0 && !this.paused && !this.destroyed && this.to !== undefined) {
      const octets = this.#held.shift() as Buffer;
      this.#hand(octets, octets.length);
    }
    if (this.#held.length > 0 || this.destroyed || this.to === undefined) return;
    if (this.eof) this.report('eof');
    else if (!this.paused) startReading(this.handle);
  }

  #begin(octets: Buffer): void {
    const write = this.#otherWrite ?? this.#newWrite();
    this.#otherWrite = this.#write;
    this.#write = write;
    const error = this.handle.writeBuffer(write, octets);
    if (error < 0) {
      this.destroy(writeError(error));
      return;
    }
    this.#writing = true;
    if (octets.length <= mostAtOnce && this.unsent === 0) {
      this.ending = octets.length > mostUncounted;
      return;
    }
    this.#untaken = octets.length;
    readBuffers.untaken += octets.length;
    this.wait(octets.length);
  }

  #newWrite(): OwnedWrite {
    const write = pendingWrite() as OwnedWrite;
    write.wire = this;
    write.oncomplete = written;
    return write;
  }

  /** Writes what came while another write was in progress. */
  #next(): void {
    if (this.#queue.length === 0) return;
    const octets = this.#queue.length === 1 ? (this.#queue[0] as Buffer) : Buffer.concat(this.#queue);
    this.#queue = [];
    this.writableLength -= octets.length;
    this.#begin(octets);
  }
}

function failed(this: TlsHandle, error: Error): void {
  (this as OwnedHandle).wire.destroy(error);
}

function written(this: OwnedWrite, status: number): void {
  this.wire.written(status);
}
