import net from 'node:net';
import { type SecureContext, TLSSocket } from 'node:tls';
import type { DirectHandshake, SecureDirectly } from '../../tls/direct-handshake.ts';
import { lackingForDirectWrites, octetsRead } from './direct-write.ts';
import { readBuffers } from './read-buffers.ts';

/** The internal handle of a TLS connection (TLSWrap), on the server's side. */
interface TlsHandle {
  /** The handle of the TCP connection, which Node's own methods of a TLS handle and the bypass of the stream look for here. */
  _parent: object;
  /** Node's `onread` of a socket, which reading returns to after the handshake. */
  usual: unknown;
  /** The handshake under way. */
  handshake: DirectHandshake | undefined;
  reading: boolean;
  onread: unknown;
  onhandshakedone(): void;
  onerror(error: Error): void;
  close(done?: () => void): void;
  setALPNProtocols(protocols: Buffer): void;
  useUserBuffer(buffer: Uint8Array): void;
  receive(octets: Buffer): void;
  readStart(): number;
  getServername(): string | false;
  destroySSL(): void;
  [owner: symbol]: net.Socket;
}

interface TcpHandle {
  readonly onread: unknown;
  readonly onhandshakedone?: undefined;
  close(done: () => void): void;
}

type Wrap = (tcp: object, context: unknown, isServer: boolean, hasActiveWrite: boolean) => TlsHandle;

/** A socket as Node makes it. */
interface Inside extends net.Socket {
  _handle: (TcpHandle & object) | TlsHandle | null;
}

/** The parts of Node's internal bindings that are used here. */
interface TlsBinding {
  readonly wrap?: Wrap;
  readonly TLSWrap?: { readonly prototype: Record<string, unknown> };
}

interface TcpBinding {
  readonly TCP: new (kind: number) => Record<symbol, unknown>;
  readonly constants: { readonly SOCKET: number };
}

/** The internal functions, which are not public; or the name of the part that this Node lacks. */
const found = lookUp();
const internals = typeof found === 'string' ? undefined : found;

/** The part that this Node lacks for {@link secureDirectly}: then each TLS connection is a TLSSocket, which costs more. Undefined: nothing is missing. */
export const lackingForDirectTls: string | undefined = typeof found === 'string' ? found : undefined;

/**
 * Makes the server's side of a handshake on an accepted socket without a TLSSocket, whose making costs as much as a third of a handshake. The same
 * socket carries the octets of the connection afterwards. Returns false, and does nothing, if this Node or the socket does not allow it.
 */
export const secureDirectly: SecureDirectly = (socket, context, protocols, hello, handshake) => {
  const inside = socket as Inside;
  const tcp = inside._handle as TcpHandle | null;
  if (internals === undefined || tcp === null || Object.getPrototypeOf(socket) !== net.Socket.prototype) return false;
  const handle = internals.wrap(tcp, (context as SecureContext & { context: unknown }).context, true, false);
  handle._parent = tcp;
  handle[internals.owner] = socket;
  handle.usual = tcp.onread;
  handle.handshake = handshake;
  handle.onread = readInHandshake;
  handle.onhandshakedone = completed;
  handle.onerror = internals.failed;
  handle.close = close;
  handle.setALPNProtocols(protocols);
  handle.useUserBuffer(readBuffers.shared);
  handle.reading = true;
  inside._handle = handle;
  handle.receive(hello);
  if (inside._handle === handle) handle.readStart();
  return true;
};

/** True if the octets of a socket go through TLS. */
export function isSecured(socket: net.Socket): boolean {
  return socket instanceof TLSSocket || (socket as Inside)._handle?.onhandshakedone === completed;
}

/** Within the handshake, nothing but the end of the connection is reported. */
function readInHandshake(this: TlsHandle): void {
  if (octetsRead() >= 0) return;
  const { handshake } = this;
  this.handshake = undefined;
  handshake?.left();
}

function completed(this: TlsHandle): void {
  const { handshake } = this;
  if (handshake === undefined) return;
  this.handshake = undefined;
  this.onread = this.usual;
  handshake.secured(this.getServername());
}

function close(this: TlsHandle, done?: () => void): void {
  (this._parent as TcpHandle).close(() => {
    this.destroySSL();
    done?.();
  });
}

/** Makes the function for errors of OpenSSL. */
function failedOf(owner: symbol) {
  return function failed(this: TlsHandle, error: Error): void {
    const { handshake } = this;
    const socket = this[owner] as Inside;
    this.handshake = undefined;
    if (handshake === undefined) {
      socket.destroy(error);
      return;
    }
    // An answer without TLS may follow.
    socket._handle = this._parent as TcpHandle;
    socket.once('close', () => this.destroySSL());
    handshake.failed(error);
  };
}

function lookUp(): { readonly wrap: Wrap; readonly owner: symbol; readonly failed: (this: TlsHandle, error: Error) => void } | string {
  if (lackingForDirectWrites !== undefined) return lackingForDirectWrites;
  try {
    const { binding } = process as unknown as { binding(name: string): TlsBinding & Partial<TcpBinding> };
    const { wrap, TLSWrap } = binding.call(process, 'tls_wrap');
    if (wrap === undefined || TLSWrap === undefined) return 'TLSWrap';
    const methods = [
      'setALPNProtocols',
      'getServername',
      'useUserBuffer',
      'receive',
      'readStart',
      'readStop',
      'destroySSL',
      'shutdown',
      'writeBuffer',
    ];
    const lacking = methods.find((name) => typeof TLSWrap.prototype[name] !== 'function');
    if (lacking !== undefined) return lacking;
    const { TCP, constants } = binding.call(process, 'tcp_wrap');
    if (TCP === undefined || constants === undefined) return 'TCP';
    const owner = ownerSymbol(TCP, constants.SOCKET);
    return owner === undefined ? 'owner_symbol' : { wrap, owner, failed: failedOf(owner) };
  } catch (error) {
    return (error as Error).message;
  }
}

/** The symbol under which a handle knows its socket. The handle is made for this only, and never connects. */
function ownerSymbol(Tcp: TcpBinding['TCP'], kind: number): symbol | undefined {
  const handle = new Tcp(kind);
  const socket = new net.Socket({ handle, manualStart: true } as net.SocketConstructorOpts);
  const owner = Object.getOwnPropertySymbols(handle).find((symbol) => handle[symbol] === socket);
  socket.destroy();
  return owner;
}
