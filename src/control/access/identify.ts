import type { IncomingMessage } from 'node:http';
import type { Access } from '../../model/access.ts';
import type { Authorizer } from './authorizer.ts';
import type { Sessions } from './sessions.ts';

/** Finds the access that a request has. Throws `forbidden` if its session is used from a page other than the dashboard's. */
export type Identify = (request: IncomingMessage) => Access | undefined;

/** Identifies by the token in `Authorization`; by the dashboard's session only if a request has no such header. */
export function identifyBy(authorize: Authorizer, sessions: Sessions): Identify {
  return (request) => {
    const { authorization } = request.headers;
    return authorize(authorization) ?? (authorization === undefined && sessions.admits(request) ? 'admin' : undefined);
  };
}
