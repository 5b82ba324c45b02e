import type { Socket } from 'node:net';
import type { Server, TLSSocket } from 'node:tls';
import { readFirstOctets } from '../http1/connection/first-octets.ts';
import type { Clock } from '../model/clock.ts';
import { networkOf } from '../model/ip-address.ts';
import { type ClientHello, readClientHello } from '../tls/client-hello.ts';
import { handshakePace } from '../tls/handshake-pace.ts';
import type { Pausable } from '../tls/handshake-reads.ts';

/** Longest handshake, in milliseconds. */
const handshakeMs = 10_000;

/** The part of a TLSSocket that leads to the socket it was made from. */
type Inside = { _parent?: Socket };
/** The reading part of a socket's handle, on which a TLSSocket reads too. */
type Reading = { _handle: { readStart?(): number; readStop?(): number } | null };

/** The accepted socket of a connection: the connection itself if it is plain. */
export function acceptedSocket(connection: Socket): Socket {
  return (connection as TLSSocket & Inside)._parent ?? connection;
}

/**
 * Paces the handshakes of a TLS server together with those of all listeners of this process, which carries traffic too: each waits for its
 * ClientHello, and then for its turn. Connections whose handshake takes too long are closed.
 */
export function paceHandshakes(server: Server, clock: Clock): void {
  const begin = server.listeners('connection') as ((this: Server, socket: Socket) => void)[];
  server.removeAllListeners('connection');
  const ended = new WeakMap<Socket, () => void>();
  server.on('secureConnection', (connection: TLSSocket) => ended.get(acceptedSocket(connection))?.());
  server.on('connection', (socket: Socket) => {
    const deadline = clock.after(handshakeMs, () => socket.destroy());
    const connection = pausable(socket);
    let isOver = false;
    const over = () => {
      isOver = true;
      deadline.cancel();
      handshakePace.leave(connection);
    };
    ended.set(socket, over);
    socket.once('close', over).on('error', ignore);
    const answer = () => {
      for (const listener of begin) listener.call(server, socket);
      return false;
    };
    const paced = { network: networkOf(socket.remoteAddress ?? ''), connection, underWay: () => !isOver, answer };
    afterClientHello(socket, (hello) => handshakePace.start(paced, hello));
  });
}

/** Calls `heard` once the whole ClientHello has come, which is put back into the socket. */
function afterClientHello(socket: Socket, heard: (hello: ClientHello) => void): void {
  let held: Buffer = Buffer.alloc(0);
  const left = () => void socket.destroy();
  socket.on('end', left);
  readFirstOctets(socket, (octets) => {
    held = Buffer.concat([held, octets]);
    const hello = readClientHello(held);
    if (hello === 'incomplete') return false;
    socket.off('end', left).unshift(held);
    heard(hello);
    return true;
  });
}

function pausable(socket: Socket): Pausable {
  const inside = socket as unknown as Reading;
  return { pause: () => void inside._handle?.readStop?.(), resume: () => void inside._handle?.readStart?.() };
}

function ignore(): void {}
