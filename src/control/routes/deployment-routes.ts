import type { FastifyReply } from 'fastify';
import * as z from 'zod';
import { deploymentsAnswer, deploymentsSummary } from '../../api/answers.ts';
import { name } from '../../model/name.ts';
import type { Snapshot } from '../../model/snapshot.ts';
import { describeDeployments, summarizeDeployments } from '../views/deployment-view.ts';
import { findEnvironment } from '../views/environment-view.ts';
import { bodyTypes, smallBody } from './bodies.ts';
import type { ControlApp, ControlContext } from './control-app.ts';
import { conditional, etagOf, expectedVersion } from './etag.ts';
import { refusals } from './openapi.ts';

const inEnvironment = z.strictObject({ env: name });
const byProject = z.strictObject({ env: name, project: name });
const response = { 200: deploymentsAnswer, ...refusals };

/** Deploys and undeploys projects. Each answer has the environment's version after the change, and the progress of every server. */
export function deploymentRoutes(app: ControlApp, { registry, live }: ControlContext): void {
  const answer = async (reply: FastifyReply, snapshot: Snapshot) => {
    reply.header('etag', etagOf(snapshot));
    return describeDeployments(snapshot, await registry.servers(), live);
  };
  const expecting = (ifMatch: string | undefined) => {
    const expect = expectedVersion(ifMatch);
    return expect === undefined ? {} : { expect };
  };

  app.get(
    '/v1/deployments',
    {
      schema: {
        summary: 'The deployments of every environment, without their servers',
        response: { 200: z.array(deploymentsSummary), ...refusals },
      },
    },
    async () => {
      const environments = await registry.environments();
      return Promise.all(environments.map(async ({ name: env }) => summarizeDeployments(await registry.snapshot(env))));
    },
  );

  app.get(
    '/v1/environments/:env/deployments',
    { schema: { summary: 'The deployments of an environment, with their state on every server', params: inEnvironment, response } },
    async (request, reply) => {
      const { env } = request.params;
      await findEnvironment(registry, env);
      return answer(reply, await registry.snapshot(env));
    },
  );

  app.put(
    '/v1/environments/:env/deployments/:project',
    {
      bodyLimit: smallBody,
      schema: {
        summary: 'Deploy a revision; default: the newest',
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
    { schema: { summary: 'Undeploy a project', headers: conditional, params: byProject, response } },
    async (request, reply) => {
      const { env, project } = request.params;
      return answer(reply, await registry.undeploy(env, project, expecting(request.headers['if-match'])));
    },
  );

  app.post(
    '/v1/environments/:env/deployments/:project/rollback',
    { schema: { summary: 'Roll back to the revision that was deployed before', headers: conditional, params: byProject, response } },
    async (request, reply) => {
      const { env, project } = request.params;
      return answer(reply, await registry.rollback(env, project, expecting(request.headers['if-match'])));
    },
  );
}
