import swagger from '@fastify/swagger';
import fastify from 'fastify';
import { jsonSchemaTransform, jsonSchemaTransformObject } from 'fastify-type-provider-zod';
import { allRoutes, type RouteParts } from './routes/all-routes.ts';
import { compileValidator } from './routes/bodies.ts';
import type { ControlApp, ControlContext } from './routes/control-app.ts';

/** Descriptions of the responses that are no refusals, by status. The plugin describes these only as "Default Response". */
const outcomes: Readonly<Record<string, string>> = {
  200: 'the request succeeded',
  201: 'the object was created',
  204: 'the request succeeded; the response has no body',
  503: 'the balancer cannot serve yet',
};

/** The part of an OpenAPI document that {@link describeOutcomes} reads and changes. */
interface Described {
  readonly paths?: Record<string, Record<string, { readonly responses: Record<string, { description: string }> }>>;
}

function describeOutcomes(document: Described): Described {
  for (const methods of Object.values(document.paths ?? {})) {
    for (const { responses } of Object.values(methods)) {
      for (const [status, response] of Object.entries(responses)) response.description = outcomes[status] ?? response.description;
    }
  }
  return document;
}

/**
 * Returns the text of `/openapi.json`: a description of all routes, made from the schemas that check their requests. It takes tens of milliseconds, so
 * that the build does it (config/openapi.json).
 */
export async function apiDocument(version: string): Promise<string> {
  const app = fastify() as unknown as ControlApp;
  app.setValidatorCompiler(compileValidator);
  app.setSerializerCompiler(() => JSON.stringify);
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: { title: 'Sluice admin API', version, description: 'Environments, servers, projects and deployments of a Sluice balancer.' },
      components: {
        securitySchemes: {
          token: { type: 'http', scheme: 'bearer', description: 'the admin token; the join token is enough to register servers' },
        },
      },
      security: [{ token: [] }],
    },
    transform: jsonSchemaTransform,
    transformObject: jsonSchemaTransformObject,
  });
  // No request comes: the routes do without what answers need. Some exist only if a balancer has something.
  allRoutes(app, { explain: {}, usage: {} } as ControlContext, { joinToken: undefined, page: undefined } as RouteParts);
  await app.ready();
  return JSON.stringify(describeOutcomes(app.swagger() as unknown as Described));
}
