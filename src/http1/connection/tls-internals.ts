import type net from 'node:net';
import { lackingForDirectWrites, type WritingHandle } from './direct-write.ts';

/** The internal handle of a TCP connection. */
export interface TcpHandle extends WritingHandle {
  onread: unknown;
  reading: boolean;
  readonly writeQueueSize: number;
  readonly onhandshakedone?: undefined;
  useUserBuffer(buffer: Uint8Array): void;
  readStart(): number;
  readStop(): number;
  getpeername(into: TcpEnd): number;
  getsockname(into: TcpEnd): number;
  setNoDelay(on: boolean): number;
  shutdown(pending: object): number;
  reset(done: () => void): number;
  close(done?: () => void): void;
}

/** One end of a TCP connection. */
export interface TcpEnd {
  address?: string;
  port?: number;
}

/** The internal handle of a TLS connection (TLSWrap), on the server's side. */
export interface TlsHandle extends WritingHandle {
  /** The handle of the TCP connection, which Node's own methods of a TLS handle look for here. */
  _parent: object;
  reading: boolean;
  onread: unknown;
  onhandshakedone(): void;
  onerror(error: Error): void;
  close(done?: () => void): void;
  setALPNProtocols(protocols: Buffer): void;
  useUserBuffer(buffer: Uint8Array): void;
  receive(octets: Buffer): void;
  readStart(): number;
  readStop(): number;
  shutdown(pending: object): number;
  getServername(): string | false;
  destroySSL(): void;
}

type Wrap = (tcp: object, context: unknown, isServer: boolean, hasActiveWrite: boolean) => TlsHandle;

/** The end of a connection's sending side, in progress. */
export interface ShutdownRequest {
  oncomplete: (status: number) => void;
}

/** The parts of Node's internal bindings that are used here. */
interface TlsBinding {
  readonly wrap?: Wrap;
  readonly TLSWrap?: { readonly prototype: Record<string, unknown> };
  readonly TCP?: { readonly prototype: Record<string, unknown> };
  readonly ShutdownWrap?: new () => ShutdownRequest;
}

export interface TlsInternals {
  readonly wrap: Wrap;
  readonly ShutdownWrap: new () => ShutdownRequest;
}

const ofTls = [
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
const ofTcp = [
  'useUserBuffer',
  'readStart',
  'readStop',
  'getpeername',
  'getsockname',
  'setNoDelay',
  'writeBuffer',
  'shutdown',
  'reset',
  'close',
];

/** libuv's number for the end of a stream. */
export const endOfFile = -4095;

/** The internal functions, which are not public; or the name of the part that this Node lacks. */
const found = lookUp();

/** The internal functions; undefined: this Node lacks a part of them. */
export const tlsInternals: TlsInternals | undefined = typeof found === 'string' ? undefined : found;

/** The part that this Node lacks for TLS without TLSSockets, which cost more. Undefined: nothing is missing. */
export const lackingForDirectTls: string | undefined = typeof found === 'string' ? found : undefined;

/** The handle of a socket that Node has made; undefined: it has none, or not one that can be taken. */
export function handleOf(socket: net.Socket): TcpHandle | undefined {
  const handle = (socket as unknown as { _handle: TcpHandle | null })._handle;
  return tlsInternals === undefined || handle === null || handle.onhandshakedone !== undefined || socket.readableLength > 0
    ? undefined
    : handle;
}

/** Takes the handle out of a socket, and ends the socket. */
export function takeHandle(socket: net.Socket, handle: TcpHandle): TcpHandle {
  stopReading(handle);
  (socket as unknown as { _handle: TcpHandle | null })._handle = null;
  socket.destroy();
  return handle;
}

/** The reading part of both handles. */
export interface ReadingHandle {
  reading: boolean;
  readStart(): number;
  readStop(): number;
}

export function startReading(handle: ReadingHandle): void {
  if (handle.reading) return;
  handle.reading = true;
  handle.readStart();
}

export function stopReading(handle: ReadingHandle): void {
  if (!handle.reading) return;
  handle.reading = false;
  handle.readStop();
}

function lookUp(): TlsInternals | string {
  if (lackingForDirectWrites !== undefined) return lackingForDirectWrites;
  try {
    const { binding } = process as unknown as { binding(name: string): TlsBinding };
    const { wrap, TLSWrap } = binding.call(process, 'tls_wrap');
    if (wrap === undefined || TLSWrap === undefined) return 'TLSWrap';
    const { TCP } = binding.call(process, 'tcp_wrap');
    if (TCP === undefined) return 'TCP';
    const { ShutdownWrap } = binding.call(process, 'stream_wrap');
    if (ShutdownWrap === undefined) return 'ShutdownWrap';
    const lacking = ofTls.find((name) => !isMethod(TLSWrap, name)) ?? ofTcp.find((name) => !isMethod(TCP, name));
    return lacking ?? { wrap, ShutdownWrap };
  } catch (error) {
    return (error as Error).message;
  }
}

function isMethod({ prototype }: { readonly prototype: Record<string, unknown> }, name: string): boolean {
  return typeof prototype[name] === 'function';
}
