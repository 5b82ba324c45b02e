import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer, type ListenOptions } from 'node:net';

/**
 * Below the ports that a system gives to programs which ask for any port, and to outgoing connections: from 32768 on in Linux, from 49152 elsewhere.
 * The bus of a Redis cluster has a port 10,000 higher, below them too.
 */
const range = { first: 12_000, count: 10_000 };

/**
 * Finds a free port of loopback for a program that cannot choose one itself, or that must get the same one again. No other test gets it as long
 * as this process lives: the UDP port of the same number is held as the sign for that.
 */
export async function freePort(): Promise<number> {
  for (;;) {
    const at = { port: range.first + Math.floor(Math.random() * range.count), host: '127.0.0.1' };
    if ((await held(at.port)) && (await isFree(at))) return at.port;
  }
}

function held(port: number): Promise<boolean> {
  const sign = createSocket('udp4').unref();
  return new Promise((resolve, reject) => {
    sign.once('listening', () => resolve(true));
    sign.once('error', (error: NodeJS.ErrnoException) => {
      sign.close();
      if (error.code === 'EADDRINUSE') resolve(false);
      else reject(error);
    });
    sign.bind({ port, address: '127.0.0.1', exclusive: true });
  });
}

async function isFree(at: ListenOptions): Promise<boolean> {
  const server = createServer().listen(at);
  try {
    await once(server, 'listening');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EADDRINUSE') return false;
    throw error;
  }
  server.close();
  await once(server, 'close');
  return true;
}
