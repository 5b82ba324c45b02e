import { once } from 'node:events';
import net from 'node:net';
import type { Owner } from './owner.ts';

/** Passes connections to a port on to several addresses in turn, as a load balancer in front of balancers does. */
export async function startPassage(owner: Owner, port: number, addresses: readonly string[]): Promise<{ readonly passed: number }> {
  const counts = { passed: 0 };
  const open = new Set<net.Socket>();
  const server = net.createServer((client) => {
    const [host, to] = (addresses[counts.passed++ % addresses.length] ?? '').split(':');
    const upstream = net.connect(Number(to), host);
    for (const socket of [client, upstream]) {
      open.add(socket);
      socket.on('error', () => [client, upstream].map((each) => each.destroy())).once('close', () => open.delete(socket));
    }
    client.pipe(upstream).pipe(client);
  });
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  owner.teardown(() => {
    server.close();
    for (const socket of open) socket.destroy();
  });
  return counts;
}
