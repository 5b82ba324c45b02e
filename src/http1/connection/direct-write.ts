/** A write that the kernel could not take at once, on its way. */
export interface PendingWrite {
  /** Kept from being collected until then. */
  buffer: Uint8Array;
  oncomplete: (status: number) => void;
}

/** The part of a TCP socket's handle that writes: 0, or a negative errno. */
export interface WritingHandle {
  writeBuffer(pending: PendingWrite, octets: Uint8Array): number;
}

interface StreamBinding {
  readonly WriteWrap: new () => PendingWrite;
  readonly streamBaseState: Record<number, number>;
  readonly kLastWriteWasAsync: number;
}

/** What Node's own sockets write with. It has no public name; where a Node offers none, sockets write as streams do. */
const binding = open();
let spare = binding && new binding.WriteWrap();

/**
 * Writes octets without the way through a stream, which costs as much again as the system call.
 * Answers 0 if the kernel took all of them, a negative errno, a write that goes on while `octets` must stay as they are,
 * or undefined if this can't be done here.
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
