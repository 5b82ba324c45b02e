import net from 'node:net';
import type { SecureContext } from 'node:tls';
import type { Accepted, DirectHandshake } from '../../tls/accepted.ts';
import type { SecureSocket } from '../../tls/secured-connection.ts';
import { octetsRead, writeDirectly } from './direct-write.ts';
import { PlainHandleWire } from './plain-handle-wire.ts';
import { readBuffers } from './read-buffers.ts';
import { SecuredWire } from './secured-wire.ts';
import { startReading, stopReading, type TcpEnd, type TcpHandle, type TlsHandle, type TlsInternals } from './tls-internals.ts';

/** Handles know what they belong to. */
type Owned<Handle> = Handle & { accepted: DirectAccepted };

const nothing = Buffer.alloc(0);

/** An accepted connection on Node's internal handle alone: its handshake makes a {@link SecuredWire}. */
export class DirectAccepted implements Accepted {
  readonly #tcp: TcpHandle;
  readonly #internals: TlsInternals;
  readonly #peer: TcpEnd = {};
  /** Undefined before the handshake begins. */
  #tls: TlsHandle | undefined;
  #handshake: DirectHandshake | undefined;
  #take: ((octets: Buffer) => boolean) | undefined;
  #left: (() => void) | undefined;
  #closed: (() => void) | undefined;
  /** The connection was given away to it. */
  #stream: net.Socket | undefined;
  /** Octets that were read for a later reader. */
  #held: Buffer;

  /** @param before octets that were read from the handle */
  constructor(tcp: TcpHandle, internals: TlsInternals, before: Buffer = nothing) {
    this.#tcp = tcp;
    this.#internals = internals;
    this.#held = before;
    tcp.getpeername(this.#peer);
  }

  get remoteAddress(): string | undefined {
    return this.#peer.address;
  }

  destroy(): void {
    if (this.#stream !== undefined) this.#stream.destroy();
    else (this.#tls ?? this.#tcp).close(() => this.#closed?.());
  }

  /** Makes a wire of the connection, which is not secured and of which nothing was read. The object must not be used afterwards. */
  plain(): SecureSocket {
    return new PlainHandleWire(this.#tcp, this.#peer, this.#internals.ShutdownWrap);
  }

  readFirst(take: (octets: Buffer) => boolean, left: () => void): void {
    this.#take = take;
    this.#left = left;
    const before = this.#held;
    this.#held = nothing;
    if (before.length > 0) this.#first(before);
    (this.#tcp as Owned<TcpHandle>).accepted = this;
    this.#tcp.onread = readPlain;
    this.#tcp.useUserBuffer(readBuffers.shared);
    startReading(this.#tcp);
  }

  secure(context: SecureContext, protocols: Buffer, hello: Buffer, handshake: DirectHandshake): boolean {
    const tcp = this.#tcp;
    const tls = this.#internals.wrap(tcp, (context as SecureContext & { context: unknown }).context, true, false) as Owned<TlsHandle>;
    this.#tls = tls;
    this.#handshake = handshake;
    tls._parent = tcp;
    tls.accepted = this;
    tls.onread = readSecured;
    tls.onhandshakedone = completed;
    tls.onerror = failed;
    tls.close = close;
    tls.setALPNProtocols(protocols);
    tls.useUserBuffer(readBuffers.shared);
    // Reading goes on from before, unless it had to stop.
    tls.reading = tcp.reading;
    tls.receive(this.#held.length === 0 ? hello : Buffer.concat([hello, this.#held]));
    this.#held = nothing;
    if (this.#handshake !== undefined) startReading(tls);
    return true;
  }

  stream(unread: Buffer): net.Socket {
    stopReading(this.#tcp);
    const socket = new net.Socket({ handle: this.#tcp, allowHalfOpen: true, pauseOnCreate: true } as net.SocketConstructorOpts);
    socket.unshift(this.#held.length === 0 ? unread : Buffer.concat([unread, this.#held]));
    this.#stream = socket;
    return socket;
  }

  pause(): void {
    this.#tcp.readStop();
  }

  resume(): void {
    this.#tcp.readStart();
  }

  answerPlainly(text: string): void {
    if (this.#stream !== undefined) this.#stream.write(text);
    else writeDirectly(this.#tcp, Buffer.from(text, 'latin1'));
  }

  whenClosed(closed: () => void): void {
    this.#closed = closed;
  }

  // Called by the handles

  readPlain(count: number): void {
    if (count < 0) this.#left?.();
    else if (count > 0) this.#first(readBuffers.shared.subarray(0, count));
  }

  /** Within the handshake, nothing but the end of the connection is reported. */
  readSecured(count: number): void {
    if (count < 0) this.#outcome()?.left();
  }

  completed(tls: TlsHandle): void {
    const handshake = this.#outcome();
    if (handshake === undefined) return;
    // Nothing of the handshake is kept for the time of the connection.
    this.#left = undefined;
    this.#closed = undefined;
    const wire = new SecuredWire(this.#tcp, tls, this.#peer, this.#internals.ShutdownWrap);
    handshake.secured(wire, tls.getServername());
  }

  failed(error: Error): void {
    this.#outcome()?.failed(error);
  }

  /** Returns the handshake the first time that it has an outcome. */
  #outcome(): DirectHandshake | undefined {
    const handshake = this.#handshake;
    this.#handshake = undefined;
    return handshake;
  }

  /** Takes the first octets. What follows on them is kept for the handshake. */
  #first(octets: Buffer): void {
    if (this.#take === undefined) {
      this.#held = Buffer.concat([this.#held, octets]);
      stopReading(this.#tcp);
    } else if (this.#take(octets)) this.#take = undefined;
  }
}

function readPlain(this: Owned<TcpHandle>): void {
  this.accepted.readPlain(octetsRead());
}

function readSecured(this: Owned<TlsHandle>): void {
  this.accepted.readSecured(octetsRead());
}

function completed(this: Owned<TlsHandle>): void {
  this.accepted.completed(this);
}

function failed(this: Owned<TlsHandle>, error: Error): void {
  this.accepted.failed(error);
}

function close(this: TlsHandle, done?: () => void): void {
  (this._parent as TcpHandle).close(() => {
    this.destroySSL();
    done?.();
  });
}
