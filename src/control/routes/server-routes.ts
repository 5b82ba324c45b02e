import * as z from 'zod';
import { serverAnswer } from '../../api/answers.ts';
import { SluiceError } from '../../model/fault.ts';
import { name } from '../../model/quantity.ts';
import type { ControlApp, ControlContext } from '../app.ts';
import { findServer, listServers } from '../views/server-view.ts';
import { bodyTypes, smallBody } from './bodies.ts';
import { refusals } from './openapi.ts';

const byId = z.strictObject({ id: name });
const inEnvironment = z.strictObject({ env: name, id: name });
const patch = z
  .strictObject({ draining: z.boolean().optional(), weight: z.int().min(0).max(65535).optional() })
  .refine((given) => Object.keys(given).length > 0, 'says nothing to change: give draining or weight');

/** Servers: seeing them, adding them to environments and taking them out, draining, weighing. */
export function serverRoutes(app: ControlApp, { registry, live, clock }: ControlContext): void {
  const see = (id: string) => findServer(registry, live, id, clock.date());
  /** A static server is changed where it is written. */
  const joined = async (id: string) => {
    const server = await see(id);
    if (server.source !== 'static') return server;
    throw new SluiceError('conflict', `server "${id}" is a static one: change it in the servers of environment "${server.environment}"`);
  };

  app.get(
    '/v1/servers',
    {
      schema: {
        summary: 'Servers, of one environment or all',
        querystring: z.strictObject({ environment: name.optional() }),
        response: { 200: z.array(serverAnswer), ...refusals },
      },
    },
    async (request) => {
      const { environment } = request.query;
      if (environment !== undefined && !(await registry.environment(environment))) throw noEnvironment(environment);
      const servers = await listServers(registry, live, clock.date());
      return environment === undefined ? servers : servers.filter((server) => server.environment === environment);
    },
  );

  app.get(
    '/v1/servers/:id',
    { schema: { summary: 'One server', params: byId, response: { 200: serverAnswer, ...refusals } } },
    async (request) => see(request.params.id),
  );

  app.patch(
    '/v1/servers/:id',
    {
      bodyLimit: smallBody,
      schema: {
        summary: 'Drain or resume a server, or weigh it anew',
        consumes: bodyTypes,
        params: byId,
        body: patch,
        response: { 200: serverAnswer, ...refusals },
      },
    },
    async (request) => {
      const { draining, weight } = request.body;
      const { id } = await joined(request.params.id);
      await registry.patchServer(id, { ...(draining !== undefined && { draining }), ...(weight !== undefined && { weight }) });
      return see(id);
    },
  );

  app.put(
    '/v1/environments/:env/servers/:id',
    {
      schema: {
        summary: 'Add a server to an environment; one of another environment is drained there first',
        params: inEnvironment,
        response: { 200: serverAnswer, ...refusals },
      },
    },
    async (request) => {
      const { env, id } = request.params;
      await joined(id);
      await registry.assign(id, env);
      return see(id);
    },
  );

  app.delete(
    '/v1/environments/:env/servers/:id',
    {
      schema: {
        summary: 'Give a server back to available, drained first',
        params: inEnvironment,
        response: { 200: serverAnswer, ...refusals },
      },
    },
    async (request) => {
      const { env, id } = request.params;
      const server = await joined(id);
      if (server.environment !== env && server.movingTo !== env) {
        if (!(await registry.environment(env))) throw noEnvironment(env);
        throw new SluiceError(
          'not-found',
          `server "${id}" is not in environment "${env}" but ${server.environment ? `in "${server.environment}"` : 'available'}`,
        );
      }
      await registry.assign(id, undefined);
      return see(id);
    },
  );
}

/** The refusal of an environment that does not exist. */
export function noEnvironment(env: string): SluiceError {
  return new SluiceError('not-found', `there is no environment "${env}": see sluice env list`);
}
