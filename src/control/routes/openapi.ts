import swagger from '@fastify/swagger';
import { jsonSchemaTransform, jsonSchemaTransformObject } from 'fastify-type-provider-zod';
import { problem, problemType } from '../../api/problem.ts';
import type { ControlApp } from './control-app.ts';
import { PackedText } from './packed-text.ts';

/** Responses that every route may give: refusals (4xx) and failures (5xx). */
export const refusals = {
  '4xx': { description: 'the request was refused', content: { [problemType]: { schema: problem } } },
  '5xx': { description: 'the request failed', content: { [problemType]: { schema: problem } } },
};

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

/** Serves `/openapi.json`: a description of all routes registered after this call, made from the schemas that check their requests. */
export async function describeApi(app: ControlApp, version: string): Promise<void> {
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
  let packed: PackedText;
  // All routes are known by now, and none changes. Made before the first request: it takes tens of milliseconds, in which traffic would wait.
  app.addHook('onReady', async () => {
    const document = app.swagger() as unknown as Described & Record<string, unknown>;
    packed = PackedText.of(JSON.stringify(describeOutcomes(document)));
    // The plugin keeps the object for the next call, and there is none.
    for (const key of Object.keys(document)) delete document[key];
  });
  app.get('/openapi.json', { config: { access: 'anyone' }, schema: { hide: true } }, async (_request, reply) =>
    reply.type('application/json; charset=utf-8').send(await packed.read()),
  );
}
