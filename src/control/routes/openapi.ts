import { problem, problemType } from '../../api/problem.ts';
import type { ControlApp } from './control-app.ts';

/** Responses that every route may give: refusals (4xx) and failures (5xx). */
export const refusals = {
  '4xx': { description: 'the request was refused', content: { [problemType]: { schema: problem } } },
  '5xx': { description: 'the request failed', content: { [problemType]: { schema: problem } } },
};

/** Serves `/openapi.json`. */
export function serveDescription(app: ControlApp, description: { read(): Promise<Buffer | string> }): void {
  app.get('/openapi.json', { config: { access: 'anyone' }, schema: { hide: true } }, async (_request, reply) =>
    reply.type('application/json; charset=utf-8').send(await description.read()),
  );
}
