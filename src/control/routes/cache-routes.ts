import * as z from 'zod';
import { SluiceError } from '../../model/fault.ts';
import { name } from '../../model/name.ts';
import { cachePurge } from '../../model/news.ts';
import type { ControlApp, ControlContext } from './control-app.ts';
import { refusals } from './openapi.ts';

/** Removes responses that the policy `cache` has stored on gateway servers. */
export function cacheRoutes(app: ControlApp, { registry }: ControlContext): void {
  app.delete(
    '/v1/environments/:env/cache',
    {
      schema: {
        summary: 'Remove stored responses from every gateway server of an environment: all, or those of a project, a tag, a path',
        params: z.strictObject({ env: name }),
        querystring: z.strictObject(cachePurge.shape),
        response: { 204: z.null().meta({ description: 'the servers are told' }), ...refusals },
      },
    },
    async (request, reply) => {
      if (registry.caches === undefined)
        throw new SluiceError('unavailable', 'this registry cannot tell servers to remove stored responses');
      await registry.caches.purge(request.params.env, request.query);
      return reply.code(204).send(null);
    },
  );
}
