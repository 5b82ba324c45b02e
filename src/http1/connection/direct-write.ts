/** A write in progress, because the kernel could not take all octets at once. */
export interface PendingWrite {
  /** The octets, referenced here so that they are not garbage-collected before the write has completed. */
  buffer: Uint8Array;
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
}

/** The internal binding that Node's own sockets write with. It is not public; in a Node without it, sockets write through their stream. */
const binding = open();
let spare = binding && new binding.WriteWrap();

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

function open(): StreamBinding | undefined {
  try {
    const { binding: load } = process as unknown as { binding(name: string): Partial<StreamBinding> };
    const { WriteWrap, streamBaseState, kLastWriteWasAsync } = load.call(process, 'stream_wrap');
    if (WriteWrap === undefined || streamBaseState === undefined || kLastWriteWasAsync === undefined) return undefined;
    return { WriteWrap, streamBaseState, kLastWriteWasAsync };
  } catch {
    return undefined;
  }
}
