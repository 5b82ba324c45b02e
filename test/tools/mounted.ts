import { createServer } from 'node:http';
import type { RegistrationEndpoint } from '../../src/registry/remote/registration-endpoint.ts';
import { listening } from './listening.ts';
import type { Owner } from './owner.ts';

/**
 * Serves a registration endpoint on a free port of loopback. When its owner ends, the endpoint closes, then the server.
 * @param mounted returns the endpoint that upgrades go to
 */
export async function mount(owner: Owner, mounted: () => RegistrationEndpoint): Promise<{ readonly url: string; readonly port: number }> {
  const server = createServer().on('upgrade', (request, socket, head) => mounted().upgrade(request, socket, head));
  const address = await listening(owner, server);
  owner.teardown(() => mounted().close());
  return { url: `http://${address}`, port: Number(address.split(':')[1]) };
}
