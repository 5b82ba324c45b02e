import type net from 'node:net';
import { Duplex } from 'node:stream';

/** One end of a pair: what is written to one end is read from the other, as if they were sockets. */
class End extends Duplex {
  other: End | undefined;
  /** Asks for more of what the other end writes. */
  #wanted: (() => void) | undefined;

  override _read(): void {
    const wanted = this.#wanted;
    this.#wanted = undefined;
    wanted?.();
  }

  override _write(octets: Buffer, _encoding: BufferEncoding, done: () => void): void {
    this.other?.receive(octets, done);
  }

  override _final(done: () => void): void {
    this.other?.receive(null, done);
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    const { other } = this;
    this.other = undefined;
    // An end that is destroyed before it has ended cuts the other off, as the reset of a connection does.
    if (other !== undefined && !(this.writableFinished && this.readableEnded))
      other.destroy(error ?? new Error('the other end was closed'));
    done(error);
  }

  /** Takes what the other end has written. @param octets null: that was all */
  receive(octets: Buffer | null, done: () => void): void {
    const more = this.push(octets);
    if (more || octets === null) done();
    else this.#wanted = done;
  }

  destroySoon(): void {
    if (this.writable) this.end();
    if (this.writableFinished) this.destroy();
    else this.once('finish', () => this.destroy());
  }

  resetAndDestroy(): void {
    this.destroy();
  }

  // Settings of sockets, which have no meaning here

  setTimeout(): this {
    return this;
  }

  setNoDelay(): this {
    return this;
  }

  setKeepAlive(): this {
    return this;
  }
}

/** Two connected streams in this process, in place of the two ends of a connection that has been given away. */
export function streamPair(): [net.Socket, net.Socket] {
  const [one, other] = [new End({ allowHalfOpen: true }), new End({ allowHalfOpen: true })];
  one.other = other;
  other.other = one;
  return [one as unknown as net.Socket, other as unknown as net.Socket];
}
