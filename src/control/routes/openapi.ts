import swagger from '@fastify/swagger';
import { jsonSchemaTransform, jsonSchemaTransformObject } from 'fastify-type-provider-zod';
import { problem, problemType } from '../../api/problem.ts';
import type { ControlApp } from '../app.ts';

/** What any route may answer with when it refuses. */
export const refusals = {
  '4xx': { description: 'a refusal', content: { [problemType]: { schema: problem } } },
  '5xx': { description: 'a failure', content: { [problemType]: { schema: problem } } },
};

/** Describes the routes registered after this, from the schemas that check them, at `/openapi.json`. */
export async function describeApi(app: ControlApp, version: string): Promise<void> {
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: { title: 'Sluice admin API', version, description: 'Environments, servers, projects and deployments of a Sluice balancer.' },
      components: {
        securitySchemes: {
          token: { type: 'http', scheme: 'bearer', description: 'the admin token; for registration also the join token' },
        },
      },
      security: [{ token: [] }],
    },
    transform: jsonSchemaTransform,
    transformObject: jsonSchemaTransformObject,
  });
  app.get('/openapi.json', { config: { access: 'anyone' }, schema: { hide: true } }, async () => app.swagger());
}
