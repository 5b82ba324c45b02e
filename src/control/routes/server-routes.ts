import * as z from 'zod';
import { serverAnswer } from '../../api/answers.ts';
import { SluiceError } from '../../model/fault.ts';
import { name } from '../../model/name.ts';
import { serverPatch } from '../../model/server.ts';
import { findEnvironment } from '../views/environment-view.ts';
import { findServer, listServers } from '../views/server-view.ts';
import { bodyTypes, smallBody } from './bodies.ts';
import type { ControlApp, ControlContext } from './control-app.ts';
import { refusals } from './openapi.ts';

const byId = z.strictObject({ id: name });
const inEnvironment = z.strictObject({ env: name, id: name });
const patch = serverPatch.refine((given) => Object.keys(given).length > 0, 'must change something: give draining or weight');

/** Reads servers, adds them to environments, removes them, drains them and changes their weight. */
export function serverRoutes(app: ControlApp, { registry, live, clock }: ControlContext): void {
  const describe = (id: string) => findServer(registry, live, id, clock.date());
  /** Finds a registered server; throws `conflict` for a static one, whose place is in its environment's settings. */
  const findRegistered = async (id: string) => {
    const server = await describe(id);
    if (server.source !== 'static') return server;
    throw new SluiceError('conflict', `server "${id}" is static: change it under servers in environment "${server.environment}"`);
  };

  app.get(
    '/v1/servers',
    {
      schema: {
        summary: 'All servers, or those of one environment',
        querystring: z.strictObject({ environment: name.optional() }),
        response: { 200: z.array(serverAnswer), ...refusals },
      },
    },
    async (request) => {
      const { environment } = request.query;
      if (environment !== undefined) await findEnvironment(registry, environment);
      const servers = await listServers(registry, live, clock.date());
      return environment === undefined ? servers : servers.filter((server) => server.environment === environment);
    },
  );

  app.get(
    '/v1/servers/:id',
    { schema: { summary: 'One server', params: byId, response: { 200: serverAnswer, ...refusals } } },
    async (request) => describe(request.params.id),
  );

  app.patch(
    '/v1/servers/:id',
    {
      bodyLimit: smallBody,
      schema: {
        summary: 'Drain or resume a server, or change its weight (not of a static server: its settings have its weight)',
        consumes: bodyTypes,
        params: byId,
        body: patch,
        response: { 200: serverAnswer, ...refusals },
      },
    },
    async (request) => {
      const { id } = request.params;
      const { draining, weight } = request.body;
      const { source, environment } = await describe(id);
      if (source !== 'static' || environment === null || weight !== undefined) await findRegistered(id);
      if (source === 'static' && environment !== null && draining !== undefined) await registry.drainStatic(environment, id, draining);
      else await registry.patchServer(id, request.body);
      return describe(id);
    },
  );

  app.put(
    '/v1/environments/:env/servers/:id',
    {
      schema: {
        summary: 'Add a server to an environment; if it is in another environment it is drained there first',
        params: inEnvironment,
        response: { 200: serverAnswer, ...refusals },
      },
    },
    async (request) => {
      const { env, id } = request.params;
      await findRegistered(id);
      await registry.assign(id, env);
      return describe(id);
    },
  );

  app.delete(
    '/v1/environments/:env/servers/:id',
    {
      schema: {
        summary: 'Remove a server from its environment: it is drained, then available',
        params: inEnvironment,
        response: { 200: serverAnswer, ...refusals },
      },
    },
    async (request) => {
      const { env, id } = request.params;
      const server = await findRegistered(id);
      if (server.environment !== env && server.movingTo !== env) {
        await findEnvironment(registry, env);
        throw new SluiceError(
          'not-found',
          `server "${id}" is not in environment "${env}": it is ${server.environment ? `in "${server.environment}"` : 'available'}`,
        );
      }
      await registry.assign(id, undefined);
      return describe(id);
    },
  );
}
