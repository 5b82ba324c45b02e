import type net from 'node:net';
import { processDescriptors } from '../../model/descriptors.ts';
import { type PendingWrite, writeDirectly, writeError } from './direct-write.ts';
import { handOver } from './hand-over.ts';
import { HandleWire } from './handle-wire.ts';
import { readBuffers } from './read-buffers.ts';
import { streamOf } from './released-stream.ts';
import { type ShutdownRequest, startReading, type TcpEnd, type TcpHandle } from './tls-internals.ts';
import type { Receiver } from './wire.ts';

type OwnedWrite = PendingWrite & { wire: PlainHandleWire };

/** An accepted connection without TLS. */
export class PlainHandleWire extends HandleWire {
  declare readonly handle: TcpHandle;
  /** The buffer that the handle reads into. */
  #into: Buffer = readBuffers.shared;
  /** The octets of one read are being processed. */
  #reading = false;

  /** @param tcp handle that is not read yet */
  constructor(tcp: TcpHandle, peer: TcpEnd, Shutdown: new () => ShutdownRequest) {
    super(tcp, tcp, peer, Shutdown);
    tcp.useUserBuffer(readBuffers.shared);
  }

  override serve(receiver: Receiver): this {
    super.serve(receiver);
    startReading(this.handle);
    return this;
  }

  send(octets: Buffer, letGo?: () => void): boolean {
    if (this.destroyed || this.writableEnded) return false;
    const written = writeDirectly(this.handle, octets);
    if (written === 0) return false;
    if (typeof written === 'object') {
      (written as OwnedWrite).wire = this;
      written.letGo = letGo;
      written.oncomplete = completed;
      this.wait(octets.length);
      return true;
    }
    this.destroy(writeError(written as number));
    return false;
  }

  /** Destroys the connection with a RST. */
  resetAndDestroy(): void {
    if (this.destroyed) return;
    if (this.handle.reset(() => this.closed()) === 0) this.destroyed = true;
    else this.destroy();
  }

  protected stream(): net.Socket {
    if (!this.#reading && this.#into !== readBuffers.shared) {
      this.#giveBack();
      this.handle.useUserBuffer(readBuffers.shared);
    }
    const socket = streamOf(this.handle, (action) => action());
    if (this.eof) socket.push(null);
    socket.once('close', () => processDescriptors.closed(this));
    return socket;
  }

  // Called by the handles

  written(octets: number, status: number): void {
    this.writableLength -= octets;
    if (this.destroyed) return;
    if (status < 0) {
      this.destroy(writeError(status));
      return;
    }
    if (this.writableLength > 0) return;
    const drained = this.writableNeedDrain;
    this.writableNeedDrain = false;
    const sent = this.sent;
    this.sent = undefined;
    sent?.();
    if (drained) this.report('drained');
  }

  protected received(count: number): Buffer | undefined {
    const buffer = this.#into;
    readBuffers.before(buffer);
    this.#reading = true;
    if (!handOver(this.receiver, buffer, count)) this.pause();
    this.#reading = false;
    const goesOn = !this.paused && !this.destroyed && this.to !== undefined;
    const next = readBuffers.after(buffer, goesOn && count === buffer.length);
    if (next !== undefined) this.#into = next;
    return next;
  }

  protected override closed(): void {
    this.#giveBack();
    super.closed();
  }

  #giveBack(): void {
    readBuffers.giveBack(this.#into);
    this.#into = readBuffers.shared;
  }
}

function completed(this: OwnedWrite, status: number): void {
  this.letGo?.();
  this.wire.written(this.buffer.length, status);
}
