import * as z from 'zod';
import { environmentAnswer } from '../../api/answers.ts';
import { environmentSpec } from '../../model/environment.ts';
import { SluiceError } from '../../model/fault.ts';
import { name } from '../../model/quantity.ts';
import type { ControlApp, ControlContext } from '../app.ts';
import { describeEnvironment } from '../views/environment-view.ts';
import { asWritten, bodyTypes } from './bodies.ts';
import { refuseClash } from './environment-clash.ts';
import { etagOf } from './etag.ts';
import { refusals } from './openapi.ts';
import { noEnvironment } from './server-routes.ts';

const byName = z.strictObject({ env: name });
/** What was read can be changed and sent back: the name may stand there, and the status is passed over. */
const body = environmentSpec.extend({ name: name.optional(), status: z.unknown().optional() }).meta({ id: 'EnvironmentBody' });

/** Environments: seeing, creating, changing and deleting them. The balancer follows the registry by itself. */
export function environmentRoutes(app: ControlApp, { registry, live, listen }: ControlContext): void {
  const see = async (env: string) => {
    const environment = await registry.environment(env);
    if (!environment) throw noEnvironment(env);
    return describeEnvironment(environment, await registry.snapshot(env), live);
  };

  app.get(
    '/v1/environments',
    { schema: { summary: 'All environments', response: { 200: z.array(environmentAnswer), ...refusals } } },
    async () => {
      const environments = await registry.environments();
      return Promise.all(environments.map(async (one) => describeEnvironment(one, await registry.snapshot(one.name), live)));
    },
  );

  app.get(
    '/v1/environments/:env',
    { schema: { summary: 'One environment', params: byName, response: { 200: environmentAnswer, ...refusals } } },
    async (request, reply) => {
      const answer = await see(request.params.env);
      return reply.header('etag', etagOf(answer.status.snapshot)).send(answer);
    },
  );

  app.put(
    '/v1/environments/:env',
    {
      schema: {
        summary: 'Create or replace an environment; the body is as in the configuration',
        consumes: bodyTypes,
        headers: z.object({ 'if-none-match': z.string().optional().meta({ description: '*: only if there is none of that name' }) }),
        params: byName,
        body,
        response: { 200: environmentAnswer, 201: environmentAnswer, ...refusals },
      },
    },
    async (request, reply) => {
      const { env } = request.params;
      const { name: named, status: _, ...spec } = asWritten<typeof body>(request.body);
      if (named !== undefined && named !== env)
        throw new SluiceError('invalid', `the body is of environment "${named}", the path of "${env}"`);
      const known = await registry.environments();
      refuseClash(listen, known, { name: env, spec: request.body, input: spec });
      const existed = known.some((one) => one.name === env);
      if (existed && request.headers['if-none-match'] === '*')
        throw new SluiceError('version-mismatch', `environment "${env}" exists already`);
      await registry.putEnvironment(env, spec);
      const answer = await see(env);
      return reply
        .code(existed ? 200 : 201)
        .header('etag', etagOf(answer.status.snapshot))
        .send(answer);
    },
  );

  app.delete(
    '/v1/environments/:env',
    {
      schema: {
        summary: 'Delete an environment; one with servers or deployments only with ?force',
        params: byName,
        querystring: z.strictObject({ force: z.enum(['', 'true', 'false']).optional() }),
        response: { 204: z.undefined(), ...refusals },
      },
    },
    async (request, reply) => {
      const { force } = request.query;
      await registry.deleteEnvironment(request.params.env, { force: force === '' || force === 'true' });
      return reply.code(204).send();
    },
  );
}
