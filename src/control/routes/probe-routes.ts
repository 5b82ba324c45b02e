import * as z from 'zod';
import type { ControlApp, ControlContext } from './control-app.ts';

const status = z.object({
  status: z.enum(['ok', 'not ready']),
  reason: z.string().optional().meta({ description: 'why the balancer cannot serve yet' }),
});

/** Serves the probes of supervisors: `/healthz` (the process is alive) and `/readyz` (it can serve). */
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
      schema: {
        summary: 'The balancer can serve: every listener is open and the registry has been read',
        response: { 200: status, 503: status },
      },
    },
    async (_request, reply) => {
      const reason = live.unready();
      if (reason === undefined) return reply.send({ status: 'ok' });
      return reply.code(503).header('retry-after', '1').send({ status: 'not ready', reason });
    },
  );
}
