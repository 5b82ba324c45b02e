import { BlockList, isIP } from 'node:net';
import { SluiceError } from '../model/fault.ts';
import type { ControlApp, RouteAccess } from './app.ts';
import type { Access, Authorizer } from './tokens.ts';

const loopback = new BlockList();
loopback.addSubnet('127.0.0.0', 8, 'ipv4');
loopback.addAddress('::1', 'ipv6');

/** Whether a socket's peer is on this machine. What a request says of itself (`X-Forwarded-For`) is not asked. */
export function isLoopback(peer: string | undefined): boolean {
  const address = peer?.replace(/^::ffff:(?=\d+\.)/, '') ?? '';
  const family = isIP(address);
  return family !== 0 && loopback.check(address, family === 4 ? 'ipv4' : 'ipv6');
}

/** Turns away who may not call a route, before a byte of the body is read. Unknown routes are the admin's too: they tell nothing. */
export function guardRoutes(app: ControlApp, authorize: Authorizer): void {
  app.addHook('onRequest', async (request) => {
    const access: RouteAccess = request.routeOptions.config.access ?? 'admin';
    if (access === 'anyone' || (access === 'monitor' && isLoopback(request.socket.remoteAddress))) return;
    admit(authorize(request.headers.authorization), access === 'join' ? 'join' : 'admin');
  });
}

/** Throws `unauthorized` unless `shown` is enough for `needed`. */
export function admit(shown: Access | undefined, needed: Access): void {
  if (shown === 'admin' || shown === needed) return;
  const what = shown === 'join' ? 'the join token only registers servers; this' : 'this';
  throw new SluiceError('unauthorized', `${what} needs the ${needed} token: send it as "Authorization: Bearer TOKEN"`);
}
