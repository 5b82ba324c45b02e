import * as z from 'zod';
import { sessionAnswer } from '../../api/answers.ts';
import type { Sessions } from '../access/sessions.ts';
import { smallBody } from './bodies.ts';
import type { ControlApp } from './control-app.ts';
import { refusals } from './openapi.ts';

/**
 * Signs browsers in and out of the dashboard: they send the admin token once, and get a session cookie that scripts cannot read and a key
 * that only the page knows. Access needs both.
 */
export function sessionRoutes(app: ControlApp, sessions: Sessions): void {
  app.post(
    '/v1/session',
    {
      bodyLimit: smallBody,
      schema: {
        summary: 'Sign a browser in: exchanges the admin token for a session cookie and its key',
        response: { 200: sessionAnswer, ...refusals },
      },
    },
    async (request, reply) => {
      const { cookie, key } = sessions.begin(request.raw);
      return reply.header('set-cookie', cookie).send({ key });
    },
  );

  app.delete(
    '/v1/session',
    { schema: { summary: 'Sign a browser out', response: { 204: z.undefined(), ...refusals } } },
    async (request, reply) => reply.header('set-cookie', sessions.end(request.raw)).code(204).send(),
  );
}
