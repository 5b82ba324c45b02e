import { joinTokenAnswer } from '../../api/answers.ts';
import { SluiceError } from '../../model/fault.ts';
import type { ControlApp } from './control-app.ts';
import { refusals } from './openapi.ts';

/**
 * Gives the join token to the admin, who may do all that it allows: the dashboard puts it into the command that starts a gateway server.
 * No cache keeps the answer.
 */
export function joinTokenRoute(app: ControlApp, joinToken: () => string | undefined = () => undefined): void {
  app.get(
    '/v1/join-token',
    { schema: { summary: 'The token with which a new server joins', response: { 200: joinTokenAnswer, ...refusals } } },
    async (_request, reply) => {
      const token = joinToken();
      if (token === undefined)
        throw new SluiceError('not-found', 'this admin API does not give the join token: read join.token in the dataDir');
      return reply.header('cache-control', 'no-store').send({ token });
    },
  );
}
