import * as z from 'zod';
import type { ControlApp, ControlContext } from '../app.ts';

const status = z.object({ status: z.enum(['ok', 'not ready']) });

/** What supervisors ask: is the process alive, is it able to serve. */
export function probeRoutes(app: ControlApp, { live }: ControlContext): void {
  app.get(
    '/healthz',
    { config: { access: 'monitor' }, schema: { summary: 'The process is alive', response: { 200: status } } },
    async () => ({ status: 'ok' as const }),
  );
  app.get(
    '/readyz',
    {
      config: { access: 'monitor' },
      schema: { summary: 'Able to serve: listeners open, registry read', response: { 200: status, 503: status } },
    },
    async (_request, reply) =>
      live.ready() ? reply.send({ status: 'ok' }) : reply.code(503).header('retry-after', '1').send({ status: 'not ready' }),
  );
}
