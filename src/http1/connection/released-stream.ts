import net from 'node:net';
import { octetsRead } from './direct-write.ts';
import { readBuffers } from './read-buffers.ts';
import type { TcpHandle, TlsHandle } from './tls-internals.ts';

type Done = (error?: Error | null) => void;

/** The internal methods of a stream that come before its handle. */
interface StreamInside {
  _write(octets: Buffer | string, encoding: BufferEncoding, done: Done): void;
  _writev(chunks: readonly object[], done: Done): void;
  _final(done: Done): void;
}

const ofStream = net.Socket.prototype as unknown as StreamInside;

/**
 * Makes an ordinary stream of a handle, with TLS or without, that reads into the shared buffer.
 * @param afterwards calls an action once no write on the handle is in progress, if a second one would end the process, as on a TLS handle
 */
export function streamOf(handle: TlsHandle | TcpHandle, afterwards: (action: () => void) => void): net.Socket {
  const { reading } = handle;
  const socket = new net.Socket({ handle, allowHalfOpen: true, manualStart: true } as net.SocketConstructorOpts);
  const usual = handle.onread as (octets: unknown) => unknown;
  handle.onread = (octets: unknown) => {
    const count = octetsRead();
    if (count <= 0) usual.call(handle, octets);
    else if (!socket.push(Buffer.from(readBuffers.shared.subarray(0, count)))) {
      handle.reading = false;
      handle.readStop();
    }
  };
  handle.reading = reading;
  const inside: StreamInside = {
    _write: (octets, encoding, done) => afterwards(() => ofStream._write.call(socket, octets, encoding, done)),
    _writev: (chunks, done) => afterwards(() => ofStream._writev.call(socket, chunks, done)),
    _final: (done) => afterwards(() => ofStream._final.call(socket, done)),
  };
  return Object.assign(socket, inside).pause();
}
