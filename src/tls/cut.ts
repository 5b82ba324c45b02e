import { TLSSocket } from 'node:tls';
import { getSystemErrorName } from 'node:util';

/** A TLS socket that notes how its peer ended. */
export interface NotingSocket extends TLSSocket {
  /** True: the peer's end is a TCP end without close_notify (RFC 8446 section 6.1), so that octets may be missing. */
  cut?: boolean;
}

/** The parts of Node's handles that tell both ends apart. `_parent` is the handle of the TCP connection below TLS. */
interface Handle {
  readonly reading?: boolean;
  readonly _parent?: { readStart?(): number; readStop?(): number };
}

/** True once this Node.js has shown that it tells both ends apart; undefined: not known yet. */
let tells: boolean | undefined;

/**
 * Makes a socket note in `cut` how its peer ended. Node itself reports both ends as the same `end`. The difference is in libuv: at a TCP
 * end it has stopped reading; at a close_notify it is still in the middle of a read, and refuses to start another one (EALREADY).
 */
export function noteCut(socket: NotingSocket): void {
  socket.push = push;
  if (tells === undefined) socket.once('secureConnect', tryOut);
}

/** Node calls `push(null)` while it handles the end, before any event. */
function push(this: NotingSocket, chunk: unknown, encoding?: BufferEncoding): boolean {
  if (chunk === null && tells === true) this.cut = isCut(handleOf(this));
  return TLSSocket.prototype.push.call(this, chunk, encoding);
}

function isCut(handle: Handle | null): boolean {
  // A reader that has stopped reading cannot have met the end of TCP: TLS found close_notify behind the octets that stopped the reader.
  if (handle?.reading !== true || startReading(handle) !== 0) return false;
  handle._parent?.readStop?.();
  return true;
}

/** On a connection that is being read, libuv must refuse; otherwise nothing can be concluded from its answer. */
function tryOut(this: TLSSocket): void {
  const handle = handleOf(this);
  if (handle?.reading !== true) return;
  const result = startReading(handle);
  tells = result !== undefined && result < 0 && getSystemErrorName(result) === 'EALREADY';
}

function startReading({ _parent: tcp }: Handle): number | undefined {
  return typeof tcp?.readStart === 'function' && typeof tcp.readStop === 'function' ? tcp.readStart() : undefined;
}

function handleOf(socket: TLSSocket): Handle | null {
  return (socket as unknown as { _handle: Handle | null })._handle;
}
