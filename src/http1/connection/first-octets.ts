import type net from 'node:net';
import { lackingForDirectWrites, octetsRead } from './direct-write.ts';
import { readBuffers } from './read-buffers.ts';

/** The reading part of a TCP socket's internal handle. */
interface ReadingHandle {
  onread(this: ReadingHandle, octets: unknown): unknown;
  reading: boolean;
  readStart(): number;
  readStop(): number;
  useUserBuffer(buffer: Uint8Array): void;
}

/**
 * Reads an accepted socket, of which nothing is being read, until `take` returns true. What was read must be put back by `unshift` if it is for a
 * later reader. The stream is passed by, because it would allocate 64 KiB for each of many connections that come at once; it reports an end and errors.
 * @param take gets octets that are overwritten after the call
 */
export function readFirstOctets(socket: net.Socket, take: (octets: Buffer) => boolean): void {
  const handle = (socket as unknown as { _handle: Partial<ReadingHandle> | null })._handle;
  if (lackingForDirectWrites === undefined && socket.readableLength === 0 && isUsable(handle)) readHandle(handle, take);
  else readStream(socket, take);
}

function isUsable(handle: Partial<ReadingHandle> | null): handle is ReadingHandle {
  return (
    typeof handle?.onread === 'function' &&
    typeof handle.readStart === 'function' &&
    typeof handle.readStop === 'function' &&
    typeof handle.useUserBuffer === 'function'
  );
}

function readHandle(handle: ReadingHandle, take: (octets: Buffer) => boolean): void {
  const usual = handle.onread;
  handle.onread = (octets) => {
    const count = octetsRead();
    if (count <= 0) {
      usual.call(handle, octets);
    } else if (take(readBuffers.shared.subarray(0, count))) {
      handle.onread = usual;
      handle.reading = false;
      handle.readStop();
    }
  };
  handle.useUserBuffer(readBuffers.shared);
  handle.reading = true;
  handle.readStart();
}

function readStream(socket: net.Socket, take: (octets: Buffer) => boolean): void {
  const read = () => {
    const octets: Buffer | null = socket.read();
    if (octets !== null && take(octets)) socket.off('readable', read);
  };
  socket.on('readable', read);
}
