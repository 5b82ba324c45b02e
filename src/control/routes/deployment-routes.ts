import type { FastifyReply } from 'fastify';
import * as z from 'zod';
import { deploymentsAnswer, wantedAnswer } from '../../api/answers.ts';
import { name } from '../../model/quantity.ts';
import type { Snapshot } from '../../model/snapshot.ts';
import type { ControlApp, ControlContext } from '../app.ts';
import { describeDeployments, describeWanted } from '../views/deployment-view.ts';
import { bodyTypes, smallBody } from './bodies.ts';
import { etagOf, expectedVersion } from './etag.ts';
import { refusals } from './openapi.ts';
import { noEnvironment } from './server-routes.ts';

const inEnvironment = z.strictObject({ env: name });
const byProject = z.strictObject({ env: name, project: name });
const conditional = z.object({
  'if-match': z.string().optional().meta({ description: 'only if the environment is still at this version' }),
});
const response = { 200: deploymentsAnswer, ...refusals };

/** Deployments: each answer carries the environment's version after it, and how far every server is. */
export function deploymentRoutes(app: ControlApp, { registry }: ControlContext): void {
  const answer = async (reply: FastifyReply, snapshot: Snapshot) => {
    reply.header('etag', etagOf(snapshot));
    return describeDeployments(snapshot, await registry.servers());
  };
  const expecting = (ifMatch: string | undefined) => {
    const expect = expectedVersion(ifMatch);
    return expect === undefined ? {} : { expect };
  };

  app.get(
    '/v1/deployments',
    { schema: { summary: 'What is deployed to each environment', response: { 200: z.array(wantedAnswer), ...refusals } } },
    async () => {
      const environments = await registry.environments();
      return Promise.all(environments.map(async ({ name: env }) => describeWanted(await registry.snapshot(env))));
    },
  );

  app.get(
    '/v1/environments/:env/deployments',
    { schema: { summary: 'What is deployed, and its state on every server', params: inEnvironment, response } },
    async (request, reply) => {
      const { env } = request.params;
      if (!(await registry.environment(env))) throw noEnvironment(env);
      return answer(reply, await registry.snapshot(env));
    },
  );

  app.put(
    '/v1/environments/:env/deployments/:project',
    {
      bodyLimit: smallBody,
      schema: {
        summary: 'Deploy a revision, by default the newest',
        consumes: bodyTypes,
        headers: conditional,
        params: byProject,
        body: z.strictObject({ revision: z.int().min(1).optional() }),
        response,
      },
    },
    async (request, reply) => {
      const { env, project } = request.params;
      const { revision } = request.body;
      const options = { ...expecting(request.headers['if-match']), ...(revision !== undefined && { revision }) };
      return answer(reply, await registry.deploy(env, project, options));
    },
  );

  app.delete(
    '/v1/environments/:env/deployments/:project',
    { schema: { summary: 'Undeploy', headers: conditional, params: byProject, response } },
    async (request, reply) => {
      const { env, project } = request.params;
      return answer(reply, await registry.undeploy(env, project, expecting(request.headers['if-match'])));
    },
  );

  app.post(
    '/v1/environments/:env/deployments/:project/rollback',
    { schema: { summary: 'Deploy what was deployed there before', headers: conditional, params: byProject, response } },
    async (request, reply) => {
      const { env, project } = request.params;
      return answer(reply, await registry.rollback(env, project, expecting(request.headers['if-match'])));
    },
  );
}
