import * as z from 'zod';
import { environmentAnswer } from '../../api/answers.ts';
import { environmentTagInPieces } from '../../model/entity-tag.ts';
import type { Environment, EnvironmentSpecInput } from '../../model/environment.ts';
import { SluiceError } from '../../model/fault.ts';
import { name } from '../../model/name.ts';
import { inTurns } from '../../model/pieces.ts';
import { settingsOriginsInPieces } from '../../model/settings-origins.ts';
import { SharedReads } from '../../model/shared-reads.ts';
import { documents } from '../documents.ts';
import { describeEnvironment, findEnvironment, sameEnvironment } from '../views/environment-view.ts';
import { KeptList } from '../views/kept-list.ts';
import { asWritten, bodyTypes } from './bodies.ts';
import type { ControlApp, ControlContext } from './control-app.ts';
import { conditional, expectedTags } from './etag.ts';
import { refusals } from './openapi.ts';
import { refuseFaultyCertificates } from './refuse-faulty-certificates.ts';
import { refuseListenerConflict } from './refuse-listener-conflict.ts';

const byName = z.strictObject({ env: name });
const { environment: body } = documents;

/** Reads, creates, replaces and deletes environments. The balancer learns of changes from the registry. */
export function environmentRoutes(app: ControlApp, { registry, live, listen, reserve, certificates, issued, usage }: ControlContext): void {
  const describeOne = async (one: Environment, applied: ReadonlyMap<string, EnvironmentSpecInput>, listeners = live.listeners()) => {
    const origins = await inTurns(settingsOriginsInPieces(one, applied.get(one.name)));
    return describeEnvironment(one, { snapshot: await registry.snapshotId(one.name), origins, live, listeners, certificates, issued });
  };
  const describeTagged = async (env: string) => {
    const environment = await findEnvironment(registry, env);
    const answer = await describeOne(environment, await registry.appliedSettings());
    return { answer, tag: `"${await inTurns(environmentTagInPieces(environment, answer.status.snapshot.version))}"` };
  };

  const kept = new KeptList(sameEnvironment);
  const lists = new SharedReads(
    async () => {
      const [environments, applied] = await Promise.all([registry.environments(), registry.appliedSettings()]);
      const listeners = live.listeners();
      return kept.next(await Promise.all(environments.map((one) => describeOne(one, applied, listeners))));
    },
    { rests: true },
  );

  app.get('/v1/environments', { schema: { summary: 'All environments', response: { 200: z.array(environmentAnswer), ...refusals } } }, () =>
    lists.now(),
  );

  app.get(
    '/v1/environments/:env',
    { schema: { summary: 'One environment', params: byName, response: { 200: environmentAnswer, ...refusals } } },
    async (request, reply) => {
      const { env } = request.params;
      const { answer, tag } = await describeTagged(env);
      const targetsDown = (await usage?.down(env)) ?? [];
      return reply.header('etag', tag).send(targetsDown.length === 0 ? answer : { ...answer, status: { ...answer.status, targetsDown } });
    },
  );

  app.put(
    '/v1/environments/:env',
    {
      config: { document: 'environment' },
      schema: {
        summary: 'Create or replace an environment; the body is the same as in the configuration file',
        consumes: bodyTypes,
        headers: conditional.extend({
          'if-none-match': z.string().optional().meta({ description: '*: only creates; 412 if the environment exists' }),
        }),
        params: byName,
        body,
        response: { 200: environmentAnswer, 201: environmentAnswer, ...refusals },
      },
    },
    async (request, reply) => {
      const { env } = request.params;
      const { name: named, status: _, ...spec } = asWritten<typeof body>(request.body);
      if (named !== undefined && named !== env)
        throw new SluiceError(
          'invalid',
          `the body names environment "${named}" but the path "${env}": make them agree, or leave the name out of the body`,
        );
      const known = await registry.environments();
      await refuseListenerConflict(listen, known, { name: env, spec: request.body, input: spec }, await registry.servers());
      refuseFaultyCertificates(request.body, certificates);
      const existed = known.some((one) => one.name === env);
      if (existed && request.headers['if-none-match'] === '*')
        throw new SluiceError('version-mismatch', `environment "${env}" already exists: leave out if-none-match to replace it`);
      const expect = expectedTags(request.headers['if-match']);
      const before = known.find((one) => one.name === env);
      const moves = before === undefined ? spec.listen !== undefined : before.spec.listen !== request.body.listen;
      const release = moves ? await reserve?.(request.body.listen) : undefined;
      let made = false;
      try {
        await registry.putEnvironment(env, spec, expect && { expect });
        made = true;
      } finally {
        release?.(made);
      }
      const { answer, tag } = await describeTagged(env);
      return reply
        .code(existed ? 200 : 201)
        .header('etag', tag)
        .send(answer);
    },
  );

  app.delete(
    '/v1/environments/:env',
    {
      schema: {
        summary: 'Delete an environment; ?force is required if it has servers or deployments',
        headers: conditional,
        params: byName,
        querystring: z.strictObject({
          force: z
            .enum(['', 'true', 'false'])
            .optional()
            .meta({ description: 'true or empty: also deletes an environment with servers, which become available, or deployments' }),
        }),
        response: { 204: z.undefined(), ...refusals },
      },
    },
    async (request, reply) => {
      const { force } = request.query;
      const expect = expectedTags(request.headers['if-match']);
      await registry.deleteEnvironment(request.params.env, { force: force === '' || force === 'true', ...(expect && { expect }) });
      return reply.code(204).send();
    },
  );
}
