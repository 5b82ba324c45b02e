import type { IncomingMessage } from 'node:http';
import type { Access } from '../../model/access.ts';
import { SluiceError } from '../../model/fault.ts';
import { isLocal } from '../../proxy/local.ts';
import type { ControlApp, RouteAccess } from '../app.ts';
import type { Sessions } from './sessions.ts';
import type { Authorizer } from './tokens.ts';

/** Tells who asks: by the token shown, else by the session of the dashboard. Throws `forbidden` if the session is used from another page. */
export type Identify = (request: IncomingMessage) => Access | undefined;

export function identifyBy(authorize: Authorizer, sessions: Sessions): Identify {
  return (request) => {
    const { authorization } = request.headers;
    return authorize(authorization) ?? (authorization === undefined && sessions.admits(request) ? 'admin' : undefined);
  };
}

/** Turns away who may not call a route, before a byte of the body is read. Unknown routes are the admin's too: they tell nothing. */
export function guardRoutes(app: ControlApp, identify: Readonly<Record<Access, Identify>>): void {
  app.addHook('onRequest', async (request) => {
    const access: RouteAccess = request.routeOptions.config.access ?? 'admin';
    if (access === 'anyone' || (access === 'monitor' && isLocal(request.socket.remoteAddress, request.headers.host))) return;
    const needed = access === 'admin' ? 'admin' : 'join';
    admit(identify[needed](request.raw), needed);
  });
}

/** Throws `unauthorized` unless `shown` is enough for `needed`. */
export function admit(shown: Access | undefined, needed: Access): void {
  if (shown === 'admin' || shown === needed) return;
  const what = shown === 'join' ? 'the join token only registers servers; this' : 'this';
  throw new SluiceError('unauthorized', `${what} needs the ${needed} token: send it as "Authorization: Bearer TOKEN"`);
}
