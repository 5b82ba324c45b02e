import type net from 'node:net';
import { TLSSocket } from 'node:tls';
import { lackingForDirectWrites, octetsRead, type PendingWrite, type WritingHandle, writeDirectly, writeError } from './direct-write.ts';
import { handOver } from './hand-over.ts';
import { largeReadSize, readBuffers } from './read-buffers.ts';

/**
 * Longest write, in octets, whose end does not count: what comes while it goes on would have to be kept, so after a longer one the sender
 * waits. Node ends no write on a TLS handle before the end of the turn of the event loop.
 */
const mostUncounted = 32 * 1024;
/** Longest write, in octets, that surely ends in the turn in which the kernel takes all of it. */
const mostAtOnce = largeReadSize;

/** The internal handle of a TLS socket (TLSWrap), and below it that of the TCP connection. */
interface TlsHandle extends WritingHandle {
  onread(this: TlsHandle, octets: unknown): unknown;
  reading: boolean;
  readStop(): number;
  useUserBuffer(buffer: Uint8Array): void;
  readonly _parent: { readonly writeQueueSize: number };
}

/** A TLS socket whose octets go to a receiver. */
interface ReportingSocket extends net.Socket {
  readonly receiver: { octets(buffer: Buffer, start: number, end: number): unknown; drained(): void; crashed(error: unknown): void };
  ending: boolean;
}

type Done = (error?: Error | null) => void;

interface Chunk {
  readonly chunk: Buffer | string;
}

/** The internal methods of a stream that come before its handle. */
interface StreamInside {
  _write(octets: Buffer | string, encoding: BufferEncoding, done: Done): void;
  _writev(chunks: readonly Chunk[], done: Done): void;
  _final(done: Done): void;
}

const ofStream = TLSSocket.prototype as unknown as StreamInside;

/**
 * Lets a TLS wire whose handshake is complete read and write past its stream, which would cost more than the encryption of a small message. The stream
 * still handles the end, errors, and writes that have to wait. Without effect if this Node.js lacks what is needed.
 */
export function bypassTlsStream<Wire extends ReportingSocket>(wire: Wire): Wire {
  const handle = (wire as unknown as { _handle: TlsHandle | null })._handle;
  if (lackingForDirectWrites === undefined && isUsable(handle)) new TlsBypass(wire, handle);
  return wire;
}

function isUsable(handle: Partial<TlsHandle> | null): handle is TlsHandle {
  return (
    typeof handle?.onread === 'function' &&
    typeof handle.readStop === 'function' &&
    typeof handle.useUserBuffer === 'function' &&
    typeof handle.writeBuffer === 'function' &&
    typeof handle._parent?.writeQueueSize === 'number'
  );
}

function isFilled({ chunk }: Chunk): boolean {
  return chunk.length > 0;
}

/** Node ends the process if a second write begins on a TLS handle before the first one has ended, so writes wait for each other here. */
class TlsBypass {
  readonly #wire: ReportingSocket;
  readonly #handle: TlsHandle;
  /** A direct write is in progress. */
  #writing = false;
  /** Octets of the write in progress, if the kernel has not taken them at once. */
  #untaken = 0;
  /** The next `_write` of the stream is for the octets of the write in progress, instead of another write. */
  #adopts = false;
  /** Ends the stream's `_write` for the write in progress. */
  #done: Done | undefined;
  /** Continues the stream after the write in progress. */
  #next: (() => void) | undefined;

  constructor(wire: ReportingSocket, handle: TlsHandle) {
    this.#wire = wire;
    this.#handle = handle;
    const inside: StreamInside = {
      _write: (octets, encoding, done) => this.#write(octets, encoding, done),
      _writev: (chunks, done) => this.#afterwards(() => (chunks.some(isFilled) ? ofStream._writev.call(wire, chunks, done) : done())),
      _final: (done) => this.#afterwards(() => ofStream._final.call(wire, done)),
    };
    Object.assign(wire, inside, { send: (octets: Buffer) => this.#send(octets), sendCopied: (octets: Buffer) => this.#sendCopied(octets) });
    const usual = handle.onread;
    handle.onread = (octets) => {
      const count = octetsRead();
      if (count > 0) this.#received(count);
      else usual.call(handle, octets);
    };
    handle.useUserBuffer(readBuffers.shared);
  }

  /** Takes the octets that were read into the shared buffer. Those of a wire that has paused are kept in its stream. */
  #received(count: number): void {
    const wire = this.#wire;
    if (wire.destroyed) return;
    const buffer = readBuffers.shared;
    let goesOn = true;
    if (wire.readableFlowing !== true || wire.readableLength > 0) {
      goesOn = wire.push(Buffer.from(buffer.subarray(0, count)));
    } else goesOn = handOver(wire.receiver, buffer, count);
    if (goesOn || wire.destroyed) return;
    this.#handle.reading = false;
    this.#handle.readStop();
  }

  /** Returns false: TLS has copied the octets, or their copy waits in the stream. */
  #send(octets: Buffer): boolean {
    const wire = this.#wire;
    if (wire.destroyed || wire.writableEnded) return false;
    if (this.#writing || wire.writableLength > 0) {
      wire.write(Buffer.from(octets));
      return false;
    }
    const written = writeDirectly(this.#handle, octets) as number | PendingWrite;
    if (typeof written === 'number') {
      if (written < 0) wire.destroy(writeError(written));
      return false;
    }
    this.#writing = true;
    written.oncomplete = this.#written;
    if (octets.length <= mostAtOnce && this.#handle._parent.writeQueueSize === 0) {
      wire.ending = octets.length > mostUncounted;
      return false;
    }
    this.#untaken = octets.length;
    readBuffers.untaken += octets.length;
    this.#adopts = true;
    wire.write(octets);
    return false;
  }

  #sendCopied(octets: Buffer): boolean {
    if (this.#writing || this.#wire.writableLength > 0) return false;
    this.#send(octets);
    return true;
  }

  readonly #written = (status: number): void => {
    this.#writing = false;
    readBuffers.untaken -= this.#untaken;
    this.#untaken = 0;
    const [done, next] = [this.#done, this.#next];
    this.#done = undefined;
    this.#next = undefined;
    if (done !== undefined) done(status < 0 ? writeError(status) : null);
    else if (status < 0) this.#wire.destroy(writeError(status));
    next?.();
    if (this.#wire.ending) this.#ended();
  };

  /** A long write has ended for which the stream has not waited. */
  #ended(): void {
    const wire = this.#wire;
    wire.ending = false;
    // Otherwise the stream will say so.
    if (wire.destroyed || wire.writableNeedDrain) return;
    try {
      wire.receiver.drained();
    } catch (error) {
      wire.receiver.crashed(error);
    }
  }

  #write(octets: Buffer | string, encoding: BufferEncoding, done: Done): void {
    if (this.#adopts) {
      this.#adopts = false;
      this.#done = done;
      return;
    }
    // Writing nothing would make Node read, maybe into the buffer whose octets are being processed.
    this.#afterwards(() => (octets.length === 0 ? done() : ofStream._write.call(this.#wire, octets, encoding, done)));
  }

  #afterwards(action: () => void): void {
    if (this.#writing) this.#next = action;
    else action();
  }
}
