import { once } from 'node:events';
import type { AddressInfo, Server, Socket } from 'node:net';
import type { Owner } from './owner.ts';

/**
 * Starts a server on a free port of loopback and resolves with its `HOST:PORT`. When its owner ends, the server closes, and every connection
 * with it, upgraded ones included.
 */
export async function listening(owner: Owner, server: Server): Promise<string> {
  const open = new Set<Socket>();
  server.on('connection', (socket) => {
    open.add(socket);
    socket.once('close', () => open.delete(socket));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  owner.teardown(() => {
    for (const socket of open) socket.destroy();
    server.close();
  });
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}
