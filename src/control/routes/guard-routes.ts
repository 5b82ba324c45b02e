import type { IncomingMessage } from 'node:http';
import type { Access } from '../../model/access.ts';
import { SluiceError } from '../../model/fault.ts';
import type { Callers } from '../access/callers.ts';
import type { Identify } from '../access/identify.ts';
import { refuseDataPlane } from '../access/refuse-data-plane.ts';
import { refuseTwoHosts } from '../access/refuse-two-hosts.ts';
import type { Registrants } from '../access/registrants.ts';
import { requireAccess } from '../access/require-access.ts';
import type { ControlApp, RouteAccess } from './control-app.ts';

/** Parts of the admin API that {@link guardRoutes} needs. */
export interface Guard {
  readonly callers: Callers;
  readonly registrants: Registrants;
  readonly admit: (request: IncomingMessage) => void;
}

/**
 * Refuses requests without the access that their route requires, before a byte of the body is read. An unknown path requires the admin
 * token too, so that a client without the token cannot distinguish unknown paths from known ones. `admit` is called for each request with a
 * token that suffices.
 */
export function guardRoutes(app: ControlApp, identify: Readonly<Record<Access, Identify>>, { callers, registrants, admit }: Guard): void {
  app.addHook('onRequest', async (request, reply) => {
    refuseTwoHosts(request.raw);
    refuseDataPlane(request.headers.via);
    if (/^\/v1(?:$|[/?])/.test(request.url)) reply.header('cache-control', 'no-store');
    const access: RouteAccess = request.routeOptions.config.access ?? 'admin';
    if (access === 'anyone' || (access === 'monitor' && callers.of(request.raw).local)) return;
    const needed = access === 'admin' ? 'admin' : 'join';
    requireAccess(identify[needed](request.raw), needed);
    admit(request.raw);
    if (access === 'monitor' && registrants.isScoped(request.raw))
      throw new SluiceError(
        'forbidden',
        'the token is for the servers of one environment: this request needs the admin token or a join token for all',
      );
  });
}
