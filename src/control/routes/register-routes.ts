import * as z from 'zod';
import { registrationAnswer } from '../../api/answers.ts';
import { SluiceError } from '../../model/fault.ts';
import { address, duration, name } from '../../model/quantity.ts';
import type { JoinAnswer } from '../../registry/contract.ts';
import type { ControlApp, ControlContext } from '../app.ts';
import { bodyTypes, smallBody } from './bodies.ts';
import { refusals } from './openapi.ts';

const byId = z.strictObject({ id: name });
const registration = z.strictObject({
  environment: name.optional(),
  address,
  weight: z.int().min(0).max(65535).optional(),
  ttl: duration.refine((ms) => ms >= 1000 && ms <= 3_600_000, 'must be from 1s to 1h').prefault('10s'),
});
type Registration = z.output<typeof registration>;

/** Registration by plain HTTP, for any gateway: repeated before its `ttl` ends, it is the lease. */
export function registerRoutes(app: ControlApp, { registry, clock }: ControlContext): void {
  const join = (id: string, { environment, address, weight, ttl }: Registration) =>
    registry.join({
      id,
      instance: instanceAt(address),
      ...(environment !== undefined && { environment }),
      address,
      ...(weight !== undefined && { weight }),
      source: 'http',
      version: '',
      startedAt: clock.date(),
      ttl,
    });

  app.put(
    '/v1/register/:id',
    {
      config: { access: 'join' },
      bodyLimit: smallBody,
      schema: {
        summary: 'Register a server, or keep it registered; the answer is the snapshot of its environment',
        consumes: bodyTypes,
        params: byId,
        body: registration,
        response: { 200: registrationAnswer, ...refusals },
      },
    },
    async (request) => {
      const { id } = request.params;
      try {
        const membership = await registry.renew({ id, instance: instanceAt(request.body.address), projects: [] });
        if (membership.server.ttl === request.body.ttl) return describeMembership(membership);
      } catch (error) {
        if (!(error instanceof SluiceError && error.code === 'not-found')) throw error;
      }
      return describeMembership(await join(id, request.body));
    },
  );

  app.delete(
    '/v1/register/:id',
    {
      config: { access: 'join' },
      schema: { summary: 'End the registration', params: byId, response: { 204: z.undefined(), ...refusals } },
    },
    async (request, reply) => {
      const { id } = request.params;
      const server = await registry.server(id);
      if (server && server.source !== 'http') {
        throw new SluiceError('conflict', `server "${id}" keeps its own registration and ends it itself`);
      }
      if (server) await registry.leave(id, server.instance);
      return reply.code(204).send();
    },
  );
}

/** Whoever answers at the same address counts as the same instance: plain HTTP has nothing better to tell a restart by. */
function instanceAt(address: string): string {
  return `http:${address}`;
}

function describeMembership({ server, snapshot }: JoinAnswer): z.input<typeof registrationAnswer> {
  return {
    environment: server.environment ?? null,
    epoch: snapshot?.epoch ?? null,
    version: snapshot?.version ?? null,
    hash: snapshot?.hash ?? null,
    variables: { ...snapshot?.variables },
    projects: [...(snapshot?.projects ?? [])],
    server: { id: server.id, weight: server.weight, draining: server.draining, ttl: server.ttl },
  };
}
