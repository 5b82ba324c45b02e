import * as z from 'zod';
import type { Sessions } from '../access/sessions.ts';
import type { ControlApp } from '../app.ts';
import { smallBody } from './bodies.ts';
import { refusals } from './openapi.ts';

/** Signing in and out of the dashboard: the admin token is shown once, and a cookie that no script can read takes its place. */
export function sessionRoutes(app: ControlApp, sessions: Sessions): void {
  app.post(
    '/v1/session',
    {
      bodyLimit: smallBody,
      schema: { summary: 'Sign in a browser: a session cookie in place of the token', response: { 204: z.undefined(), ...refusals } },
    },
    async (request, reply) => reply.header('set-cookie', sessions.begin(request.raw)).code(204).send(),
  );

  app.delete(
    '/v1/session',
    { schema: { summary: 'Sign out a browser', response: { 204: z.undefined(), ...refusals } } },
    async (request, reply) => reply.header('set-cookie', sessions.end(request.raw)).code(204).send(),
  );
}
