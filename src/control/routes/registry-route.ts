import { registryAnswer } from '../../api/answers.ts';
import type { ControlApp, ControlContext } from './control-app.ts';
import { refusals } from './openapi.ts';

/** Serves the state of the balancer's connection to its registry. */
export function registryRoute(app: ControlApp, { registry }: ControlContext): void {
  app.get(
    '/v1/registry',
    {
      schema: {
        summary: 'Whether the registry can be reached and takes writes, and its documents that cannot be read',
        response: { 200: registryAnswer, ...refusals },
      },
    },
    async () => {
      const { up, reason, refuses } = registry.link;
      return { up, reason: reason ?? null, refuses: refuses ?? null, unread: [...registry.unread] };
    },
  );
}
