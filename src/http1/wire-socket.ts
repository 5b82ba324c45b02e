import net from 'node:net';
import tls from 'node:tls';

/** Who is told what happens on a socket. One receiver at a time. */
export interface Receiver {
  /**
   * Octets [start, end) of `buffer` came in. The buffer is used again after the call: copy what must outlive it.
   * The answer false stops reading until the socket's stream asks for more.
   */
  octets(buffer: Buffer, start: number, end: number): unknown;
  /** The peer sends no more. */
  eof(): void;
  /** Everything written has left, after a write had to wait. */
  drained(): void;
  /** The socket is gone; no call follows. */
  closed(error: Error | undefined): void;
}

/** A socket, plain or TLS, that reports to one receiver. */
export type Wire = net.Socket & { receiver: Receiver; failure?: Error };

/** Where to connect to. */
export interface Place {
  readonly host: string;
  readonly port: number;
  /** TLS, with the certificate checked against `host`. */
  readonly tls: boolean;
}

/** Octets read at most at a time: four times as much as a stream would, which makes large bodies a fifth cheaper. */
export const readSize = 256 * 1024;

/** One read buffer for all sockets of the process: what is read is dealt with before the next read. */
const onread = {
  buffer: Buffer.allocUnsafeSlow(readSize),
  callback(this: unknown, count: number, buffer: Uint8Array): boolean {
    return (this as Wire).receiver.octets(buffer as Buffer, 0, count) !== false;
  },
};

/** Makes a wire of a socket that a `net.Server` accepted with `pauseOnConnect`; the accepted object itself is done with. */
export function accept(accepted: net.Socket, receiver: Receiver): Wire {
  // The one thing that Node has no public way for: an accepted socket that reads into a given buffer.
  const inside = accepted as unknown as { _handle: unknown };
  const handle = inside._handle;
  inside._handle = null;
  accepted.destroy();
  const wire = new net.Socket({ handle, allowHalfOpen: true, onread } as net.SocketConstructorOpts);
  return report(wire, receiver);
}

/** Turns a wire into an ordinary Node stream, for what is no longer HTTP; its receiver hears nothing more. */
export function release(wire: Wire): net.Socket {
  wire.off('end', ended).off('drain', drained).off('error', failed).off('close', closed);
  wire.receiver = {
    octets: (buffer, start, end) => wire.push(Buffer.from(buffer.subarray(start, end))),
    eof() {},
    drained() {},
    closed() {},
  };
  return wire;
}

/**
 * Destroys a socket with a RST. One whose FIN is on its way can't be: Node would leave it open for ever (libuv refuses to reset during
 * a shutdown); as everything has been sent by then, closing it is enough.
 */
export function reset(socket: net.Socket): void {
  if (socket.writableEnded) socket.destroy();
  else socket.resetAndDestroy();
}

/** Opens a connection; `connected` is called once, unless the receiver's `closed` comes first. */
export function connect(place: Place, receiver: Receiver, connected: () => void): Wire {
  if (!place.tls) {
    const wire = report(new net.Socket({ allowHalfOpen: true, onread } as net.SocketConstructorOpts), receiver);
    wire.connect({ host: place.host, port: place.port, noDelay: true, keepAlive: true }, connected);
    return wire;
  }
  const name = net.isIP(place.host) === 0 ? { servername: place.host } : {};
  const wire = report(tls.connect({ host: place.host, port: place.port, ALPNProtocols: ['http/1.1'], ...name }, connected), receiver);
  wire.setNoDelay(true);
  wire.on('data', (chunk: Buffer) => wire.receiver.octets(chunk, 0, chunk.length));
  return wire;
}

function report(socket: net.Socket, receiver: Receiver): Wire {
  const wire = Object.assign(socket, { receiver });
  wire.on('end', ended).on('drain', drained).on('error', failed).on('close', closed);
  return wire;
}

function ended(this: Wire): void {
  this.receiver.eof();
}

function drained(this: Wire): void {
  this.receiver.drained();
}

function failed(this: Wire, error: Error): void {
  this.failure ??= error;
}

function closed(this: Wire): void {
  this.receiver.closed(this.failure);
}
