import net from 'node:net';
import { getSystemErrorName } from 'node:util';

/** A write in progress, because the kernel could not take all octets at once. */
export interface PendingWrite {
  /** The octets, referenced here so that they are not garbage-collected before the write has completed. */
  buffer: Uint8Array;
  /** Called when the write is over: the memory of the octets may be used again. */
  letGo?: (() => void) | undefined;
  oncomplete: (status: number) => void;
}

/** The writing part of a TCP socket's handle. `writeBuffer` returns 0 or a negative errno. */
export interface WritingHandle {
  writeBuffer(pending: PendingWrite, octets: Uint8Array): number;
}

interface StreamBinding {
  readonly WriteWrap: new () => PendingWrite;
  readonly streamBaseState: Record<number, number>;
  readonly kLastWriteWasAsync: number;
  readonly kReadBytesOrError: number;
}

/** The internal binding that Node's own sockets write with, which is not public; or the name of the part of it that this Node lacks. */
const found = lookUp();
const binding = typeof found === 'string' ? undefined : found;
let spare = binding && new binding.WriteWrap();

/** The part of the binding that this Node lacks: then sockets read and write through streams, which costs more. Undefined: nothing is missing. */
export const lackingForDirectWrites: string | undefined = typeof found === 'string' ? found : undefined;

/**
 * Writes octets past the socket's stream, which would cost as much again as the system call.
 * @returns 0 if the kernel took all octets; a negative errno; a write in progress, during which `octets` must not change; or undefined if
 * this Node lacks the binding
 */
export function writeDirectly(handle: WritingHandle, octets: Uint8Array): number | PendingWrite | undefined {
  if (binding === undefined || spare === undefined) return undefined;
  const error = handle.writeBuffer(spare, octets);
  if (error !== 0 || binding.streamBaseState[binding.kLastWriteWasAsync] === 0) return error;
  const pending = spare;
  pending.buffer = octets;
  spare = new binding.WriteWrap();
  return pending;
}

/** Makes an object for a write whose end is reported; undefined: this Node lacks the binding. */
export function pendingWrite(): PendingWrite | undefined {
  return binding && new binding.WriteWrap();
}

/** Octets of the read that a handle's `onread` is being called for; 0 or less: there are none, as at the end. */
export function octetsRead(): number {
  return binding === undefined ? 0 : (binding.streamBaseState[binding.kReadBytesOrError] as number);
}

export function writeError(errno: number): Error {
  return systemError('write', errno);
}

export function readError(errno: number): Error {
  return systemError('read', errno);
}

function systemError(syscall: string, errno: number): Error {
  const code = getSystemErrorName(errno);
  return Object.assign(new Error(`${syscall} ${code}`), { errno, code, syscall });
}

function lookUp(): StreamBinding | string {
  try {
    const { binding: load } = process as unknown as { binding(name: string): Partial<StreamBinding> };
    const { WriteWrap, streamBaseState, kLastWriteWasAsync, kReadBytesOrError } = load.call(process, 'stream_wrap');
    if (WriteWrap === undefined) return 'WriteWrap';
    if (streamBaseState === undefined || kLastWriteWasAsync === undefined || kReadBytesOrError === undefined) return 'streamBaseState';
    return handlesCanBeMoved() ? { WriteWrap, streamBaseState, kLastWriteWasAsync, kReadBytesOrError } : '_handle';
  } catch (error) {
    return (error as Error).message;
  }
}

/** True if a socket has a handle that can write, and another socket can take over its handle. */
function handlesCanBeMoved(): boolean {
  type Inside = { _handle?: Partial<WritingHandle> | null };
  // Gets its handle now, and would connect in the next tick, when it is gone again.
  const socket = new net.Socket().on('error', () => {}).connect({ host: '127.0.0.1', port: 1 });
  const handle = (socket as Inside)._handle;
  (socket as Inside)._handle = null;
  socket.destroy();
  if (handle == null) return false;
  const moved = new net.Socket({ handle, readable: false, writable: false } as net.SocketConstructorOpts);
  const same = (moved as Inside)._handle === handle;
  moved.destroy();
  return same && typeof handle.writeBuffer === 'function';
}
