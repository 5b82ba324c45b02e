import * as z from 'zod';
import { askedRequest, explanation } from '../../model/explanation.ts';
import { name } from '../../model/name.ts';
import { findEnvironment } from '../views/environment-view.ts';
import { bodyTypes, smallBody } from './bodies.ts';
import type { ControlApp, ControlContext } from './control-app.ts';
import { refusals } from './openapi.ts';

const mostServers = 10;

/** Explains what an environment would do with a request, without sending it. */
export function explainRoute(app: ControlApp, { registry, explain, listServers }: ControlContext): void {
  if (explain === undefined) return;
  app.post(
    '/v1/environments/:env/explain',
    {
      bodyLimit: smallBody,
      schema: {
        summary: 'Explain a request: its project, resource and the decision of each policy. Nothing is sent to a target',
        consumes: bodyTypes,
        params: z.strictObject({ env: name }),
        body: askedRequest,
        response: { 200: explanation, ...refusals },
      },
    },
    async (request) => {
      const { env } = request.params;
      await findEnvironment(registry, env);
      const manifest = await registry.manifest(env);
      const read = async ({ name, revision, hash }: (typeof manifest.put)[number]) =>
        (await registry.revisions([{ name, revision, ...(hash !== undefined && { hash }) }], env))[0];
      const explained = await explain(request.body, { manifest, read });
      const members = (await listServers()).filter((one) => one.environment === env && one.state === 'ready' && one.health !== 'down');
      return { ...explained, servers: members.slice(0, mostServers).map(({ id }) => id) };
    },
  );
}
