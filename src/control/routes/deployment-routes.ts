import type { FastifyReply } from 'fastify';
import * as z from 'zod';
import { type DeploymentsAnswer, deploymentsAnswer, deploymentsSummary } from '../../api/answers.ts';
import { name } from '../../model/name.ts';
import type { LeasedServer } from '../../model/server.ts';
import { SharedReadsBy } from '../../model/shared-reads-by.ts';
import { SharedWork } from '../../model/shared-work.ts';
import type { Deployed } from '../../registry/contract.ts';
import { type Described, describeDeployments, summarizeDeployments } from '../views/deployment-view.ts';
import { findEnvironment } from '../views/environment-view.ts';
import { bodyTypes, smallBody } from './bodies.ts';
import type { ControlApp, ControlContext } from './control-app.ts';
import { conditional, etagOf, expectedVersion } from './etag.ts';
import { refusals } from './openapi.ts';

const inEnvironment = z.strictObject({ env: name });
const byProject = z.strictObject({ env: name, project: name });
const response = { 200: deploymentsAnswer, ...refusals };

/**
 * Deploys and undeploys projects. Each answer has the environment's version after the change, and the progress of every server with the project that
 * changed: one change does not cost more the more is deployed.
 */
export function deploymentRoutes(app: ControlApp, { registry, live }: ControlContext): void {
  /** Answers by the list of the environment's servers that they were made from, which belongs to all who ask at about the same time, and by what they describe. */
  const answers = new WeakMap<readonly LeasedServer[], SharedWork<DeploymentsAnswer>>();
  const lists = new SharedReadsBy((env) => registry.serversOf(env), { rests: true });
  /** @param project the only one that is described; undefined: all are */
  const answer = async (reply: FastifyReply, deployed: Described, project?: string) => {
    reply.header('etag', etagOf(deployed));
    const servers = await lists.now(deployed.environment);
    const shared = answers.get(servers) ?? new SharedWork<DeploymentsAnswer>();
    answers.set(servers, shared);
    const { environment, epoch, version } = deployed;
    return shared.share([environment, epoch, version, project].join(' '), () => describeDeployments(deployed, servers, live));
  };
  const answerChange = (reply: FastifyReply, project: string, { deployment, ...changed }: Deployed) =>
    answer(reply, { ...changed, put: deployment ? [deployment] : [] }, project);
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
      return Promise.all(environments.map(async ({ name: env }) => summarizeDeployments(await registry.manifest(env))));
    },
  );

  app.get(
    '/v1/environments/:env/deployments',
    {
      schema: {
        summary: 'The deployments of an environment, with their state on every server',
        params: inEnvironment,
        querystring: z.object({ project: name.optional().meta({ description: 'only the deployment of this project' }) }),
        response,
      },
    },
    async (request, reply) => {
      const { env } = request.params;
      const { project } = request.query;
      await findEnvironment(registry, env);
      const deployed = await registry.manifest(env);
      if (project === undefined) return answer(reply, deployed);
      return answer(reply, { ...deployed, put: deployed.put.filter((one) => one.name === project) }, project);
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
      return answerChange(reply, project, await registry.deploy(env, project, options));
    },
  );

  app.delete(
    '/v1/environments/:env/deployments/:project',
    { schema: { summary: 'Undeploy a project', headers: conditional, params: byProject, response } },
    async (request, reply) => {
      const { env, project } = request.params;
      return answerChange(reply, project, await registry.undeploy(env, project, expecting(request.headers['if-match'])));
    },
  );

  app.post(
    '/v1/environments/:env/deployments/:project/rollback',
    { schema: { summary: 'Roll back to the revision that was deployed before', headers: conditional, params: byProject, response } },
    async (request, reply) => {
      const { env, project } = request.params;
      return answerChange(reply, project, await registry.rollback(env, project, expecting(request.headers['if-match'])));
    },
  );
}
