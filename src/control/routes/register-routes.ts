import type { IncomingMessage } from 'node:http';
import * as z from 'zod';
import { type RegistrationAnswer, registrationAnswer } from '../../api/answers.ts';
import { SluiceError } from '../../model/fault.ts';
import { type JoinAnswer, joinRequest } from '../../model/join.ts';
import { name } from '../../model/name.ts';
import { duration } from '../../model/quantity.ts';
import { secretIn } from '../access/registrants.ts';
import { bodyTypes, smallBody } from './bodies.ts';
import type { ControlApp, ControlContext } from './control-app.ts';
import { refusals } from './openapi.ts';

const byId = z.strictObject({ id: name });
const { environment, address, weight, hop } = joinRequest.shape;
const registration = z.strictObject({
  environment,
  address,
  weight,
  ttl: duration
    .refine((ms) => ms >= 1000 && ms <= 3_600_000, 'must be from 1s to 1h')
    .prefault('10s')
    .meta({
      description: 'length of the lease, from 1s to 1h: send the request again before it has passed',
    }),
  hop: hop.meta({
    description:
      'public key that balancers certify, and the certificate with which the server answers them; needs a Lease-Secret, since the certificate proves who the server is',
  }),
});
type Registration = z.output<typeof registration>;

/**
 * Registers gateways of any make by plain HTTP. Each `PUT` takes or renews a lease; it must be repeated before its `ttl` ends. A server that was
 * registered with a `Lease-Secret` is only changed, renewed or ended with the same one.
 */
export function registerRoutes(app: ControlApp, { registry, clock, registrants }: ControlContext): void {
  const register = async (request: IncomingMessage, id: string, given: Registration): Promise<JoinAnswer> => {
    const caller = registrants.of(request);
    const secret = secretIn(request);
    const lease = { id, instance: instanceAt(given.address), ...(secret !== undefined && { secret }) };
    if (given.hop !== undefined && secret === undefined)
      throw new SluiceError(
        'invalid',
        'hop: a server whose key is certified must prove who it is: send a Lease-Secret, the same each time',
      );
    try {
      const renewed = await registry.renew({ ...lease, projects: [], ...(given.hop && { hop: given.hop }) }, caller);
      if (renewed.server.ttl === given.ttl) return renewed;
    } catch (error) {
      if (!(error instanceof SluiceError && error.code === 'not-found')) throw error;
    }
    return registry.join({ ...given, ...lease, source: 'http', version: '', startedAt: clock.date() }, caller);
  };
  /** Notes a refusal, then passes it on. */
  const noting = async <T>(request: IncomingMessage, work: () => Promise<T>): Promise<T> => {
    try {
      return await work();
    } catch (error) {
      registrants.noteError(request, error);
      throw error;
    }
  };
  const onResponse = async (request: { readonly raw: IncomingMessage }, reply: { readonly statusCode: number }) => {
    if (reply.statusCode === 401) registrants.noteWrongToken(request.raw);
  };

  app.put(
    '/v1/register/:id',
    {
      config: { access: 'join' },
      onResponse,
      bodyLimit: smallBody,
      schema: {
        summary: 'Register a server or renew its lease; the answer is the snapshot of its environment',
        consumes: bodyTypes,
        params: byId,
        body: registration,
        response: { 200: registrationAnswer, ...refusals },
      },
    },
    async ({ raw, params, body }) => describeRegistration(await noting(raw, () => register(raw, params.id, body))),
  );

  app.delete(
    '/v1/register/:id',
    {
      config: { access: 'join' },
      onResponse,
      schema: { summary: 'End the registration of a server', params: byId, response: { 204: z.undefined(), ...refusals } },
    },
    async ({ raw, params: { id } }, reply) => {
      await noting(raw, async () => {
        const server = await registry.server(id);
        if (server && server.source !== 'http') {
          throw new SluiceError('conflict', `server "${id}" did not register by plain HTTP: stop it to end its registration`);
        }
        if (server) await registry.leave(id, server.instance, registrants.of(raw));
      });
      return reply.code(204).send();
    },
  );
}

/** Derives an instance from the address: a restart at the same address cannot be noticed over plain HTTP. */
function instanceAt(address: string): string {
  return `http:${address}`;
}

function describeRegistration({ server, snapshot }: JoinAnswer): RegistrationAnswer {
  return {
    environment: server.environment ?? null,
    epoch: snapshot?.epoch ?? null,
    version: snapshot?.version ?? null,
    hash: snapshot?.hash ?? null,
    variables: { ...snapshot?.variables },
    projects: [...(snapshot?.projects ?? [])],
    server: { id: server.id, weight: server.weight, draining: server.draining, ttl: server.ttl },
    ...(server.hop && { hop: server.hop }),
  };
}
