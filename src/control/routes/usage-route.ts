import * as z from 'zod';
import { type UsageAnswer, usageAnswer } from '../../api/usage-answers.ts';
import { SluiceError } from '../../model/fault.ts';
import { name } from '../../model/name.ts';
import { findEnvironment } from '../views/environment-view.ts';
import type { ControlApp, ControlContext } from './control-app.ts';
import { refusals } from './openapi.ts';

const asked = z.strictObject({
  environment: name,
  project: name
    .optional()
    .meta({ description: 'only this project, with its routes, targets and policies; default: the totals of all projects' }),
  consumer: z.string().max(255).optional().meta({ description: 'only this consumer in the list of consumers' }),
});

/** Serves what the gateway servers of an environment have counted. They are asked when somebody asks, and not otherwise. */
export function usageRoute(app: ControlApp, { registry, usage }: ControlContext): void {
  if (usage === undefined) return;
  app.get(
    '/v1/usage',
    {
      schema: {
        summary:
          'Requests, refusals, failures and latencies of an environment, by project and consumer; of one project also by resource, target and policy',
        querystring: asked,
        response: { 200: usageAnswer, ...refusals },
      },
    },
    async (request): Promise<UsageAnswer> => {
      const { environment, project, consumer } = request.query;
      const { spec } = await findEnvironment(registry, environment);
      if (project !== undefined && (await registry.project(project)) === undefined)
        throw new SluiceError('not-found', `there is no project "${project}": see sluice project list`);
      const { totals, asked, silent, unsupported } = await usage.of(environment, project);
      return {
        environment,
        since: totals.since ?? null,
        servers: {
          asked,
          answered: totals.answered,
          silent,
          unsupported: [...spec.servers.map(({ id }) => id), ...unsupported],
        },
        ...(await totals.answer(consumer)),
      };
    },
  );
}
