import type { Socket } from 'node:net';
import type { Server, TLSSocket } from 'node:tls';
import type { Clock } from '../model/clock.ts';
import { controlTurns } from '../model/turns.ts';
import { readClientHello } from '../tls/client-hello.ts';

/** Longest handshake, in milliseconds. */
const handshakeMs = 10_000;

/** The part of a TLSSocket that leads to the socket it was made from. */
type Inside = { _parent?: Socket };

/** The accepted socket of a connection: the connection itself if it is plain. */
export function acceptedSocket(connection: Socket): Socket {
  return (connection as TLSSocket & Inside)._parent ?? connection;
}

/**
 * Paces the handshakes of a TLS server: each waits for its ClientHello, and then for a turn of its own, because it costs about a millisecond in
 * the process that carries traffic too. Connections whose handshake takes too long are closed.
 */
export function paceHandshakes(server: Server, clock: Clock): void {
  const begin = server.listeners('connection') as ((this: Server, socket: Socket) => void)[];
  server.removeAllListeners('connection');
  const deadlines = new WeakMap<Socket, { cancel(): void }>();
  server.on('secureConnection', (connection: TLSSocket) => deadlines.get(acceptedSocket(connection))?.cancel());
  server.on('connection', (socket: Socket) => {
    const deadline = clock.after(handshakeMs, () => socket.destroy());
    deadlines.set(socket, deadline);
    socket.once('close', () => deadline.cancel()).on('error', ignore);
    const start = () => {
      if (!socket.destroyed) for (const listener of begin) listener.call(server, socket);
    };
    afterClientHello(socket, () => void controlTurns.next().then(start));
  });
}

/** Calls `heard` once the whole ClientHello has come, which is put back into the socket. */
function afterClientHello(socket: Socket, heard: () => void): void {
  let held: Buffer = Buffer.alloc(0);
  const left = () => void socket.destroy();
  const read = () => {
    const piece: Buffer | null = socket.read();
    if (piece === null) return;
    held = held.length === 0 ? piece : Buffer.concat([held, piece]);
    if (readClientHello(held) === 'incomplete') return;
    socket.off('readable', read).off('end', left).unshift(held);
    heard();
  };
  socket.on('readable', read).on('end', left);
}

function ignore(): void {}
