import type { IncomingMessage } from 'node:http';
import { BlockList, isIP } from 'node:net';
import { SluiceError } from '../model/fault.ts';
import type { ControlApp, RouteAccess } from './app.ts';
import type { Sessions } from './sessions.ts';
import type { Access, Authorizer } from './tokens.ts';

const loopback = new BlockList();
loopback.addSubnet('127.0.0.0', 8, 'ipv4');
loopback.addAddress('::1', 'ipv6');

function isLoopback(peer: string | undefined): boolean {
  const address = peer?.replace(/^::ffff:(?=\d+\.)/, '') ?? '';
  const family = isIP(address);
  return family !== 0 && loopback.check(address, family === 4 ? 'ipv4' : 'ipv6');
}

/**
 * Whether a request comes from this machine and was meant for it. The name it was sent to counts too: a web page (DNS rebinding) or a
 * proxy on this machine would otherwise lend its place to anybody.
 */
export function isLocal(peer: string | undefined, host: string | undefined): boolean {
  const name = host
    ?.replace(/:\d+$/, '')
    .replace(/^\[|\]$/g, '')
    .toLowerCase();
  return isLoopback(peer) && (name === 'localhost' || isLoopback(name));
}

/** Tells who asks: by the token shown, else by the session of the dashboard. Throws `forbidden` if the session is used from another page. */
export type Identify = (request: IncomingMessage) => Access | undefined;

export function identifyBy(authorize: Authorizer, sessions: Sessions): Identify {
  return (request) => {
    const { authorization } = request.headers;
    return authorize(authorization) ?? (authorization === undefined && sessions.admits(request) ? 'admin' : undefined);
  };
}

/** Turns away who may not call a route, before a byte of the body is read. Unknown routes are the admin's too: they tell nothing. */
export function guardRoutes(app: ControlApp, identify: Identify): void {
  app.addHook('onRequest', async (request) => {
    const access: RouteAccess = request.routeOptions.config.access ?? 'admin';
    if (access === 'anyone' || (access === 'monitor' && isLocal(request.socket.remoteAddress, request.headers.host))) return;
    admit(identify(request.raw), access === 'join' ? 'join' : 'admin');
  });
}

/** Throws `unauthorized` unless `shown` is enough for `needed`. */
export function admit(shown: Access | undefined, needed: Access): void {
  if (shown === 'admin' || shown === needed) return;
  const what = shown === 'join' ? 'the join token only registers servers; this' : 'this';
  throw new SluiceError('unauthorized', `${what} needs the ${needed} token: send it as "Authorization: Bearer TOKEN"`);
}
