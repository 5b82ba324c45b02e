import { eventually } from '../tools/eventually.ts';
import type { World } from './world.ts';

/** A request to switch protocols. @param more further lines */
export const ask = (more = '', protocol = 'chat') =>
  `GET /x?y HTTP/1.1\r\nHost: A.test\r\nConnection: Upgrade, X-Hop\r\nUpgrade: ${protocol}\r\nX-Hop: 1\r\n${more}\r\n`;
/** The answer of a server that switches. */
export const agreed = 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade, X-Hop\r\nX-Hop: 1\r\nX-A: 1\r\nUpgrade: chat\r\n\r\n';

/** Waits until no exchange is in flight and every client connection is closed. */
export async function gone(w: World): Promise<void> {
  await w.quiet();
  await eventually(
    () => w.listener.connections,
    (connections) => connections === 0,
    { what: 'all client connections to close' },
  );
}
