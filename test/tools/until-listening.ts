import net from 'node:net';
import { eventually } from './eventually.ts';

/** Waits until another program accepts connections on these ports of loopback. */
export async function untilListening(...ports: readonly number[]): Promise<void> {
  for (const port of ports)
    await eventually(
      () => listens(port),
      (open) => open,
      { what: `a program to listen on port ${port}` },
    );
}

function listens(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = net.connect(port, '127.0.0.1', () => {
      socket.destroy();
      resolve(true);
    });
    socket.on('error', () => resolve(false));
  });
}
