import type { FastifyReply } from 'fastify';
import * as z from 'zod';
import { type ServerAnswer, serverAnswer } from '../../api/answers.ts';
import { serverTag } from '../../model/entity-tag.ts';
import { SluiceError } from '../../model/fault.ts';
import { name } from '../../model/name.ts';
import { serverPatch } from '../../model/server.ts';
import { findEnvironment } from '../views/environment-view.ts';
import { findServer } from '../views/server-view.ts';
import { bodyTypes, smallBody } from './bodies.ts';
import type { ControlApp, ControlContext } from './control-app.ts';
import { conditional, expectedTags } from './etag.ts';
import { refusals } from './openapi.ts';

const byId = z.strictObject({ id: name });
const inEnvironment = z.strictObject({ env: name, id: name });
const patch = serverPatch.refine((given) => Object.keys(given).length > 0, 'must change something: give draining or weight');

/** Reads servers, adds them to environments, removes them, drains them, changes their weight and forgets lost ones. */
export function serverRoutes(app: ControlApp, { registry, live, clock, listServers }: ControlContext): void {
  const describe = (id: string) => findServer(registry, live, id, clock.date());
  /** Finds a registered server; throws `conflict` for a static one, whose place is in its environment's settings. */
  const findRegistered = async (id: string) => {
    const server = await describe(id);
    if (server.source !== 'static') return server;
    throw new SluiceError('conflict', `server "${id}" is static: change it under servers in environment "${server.environment}"`);
  };

  /** Throws `in-use` for a server that is not lost, `conflict` for a static one. One without a record is left to the registry. */
  const mustBeLost = async (id: string) => {
    const server = await describe(id).catch((error: unknown) => {
      if (error instanceof SluiceError && error.code === 'not-found') return undefined;
      throw error;
    });
    if (server === undefined || server.state === 'lost') return;
    if (server.source === 'static')
      throw new SluiceError('conflict', `server "${id}" is static: take it out of servers in environment "${server.environment}"`);
    const remedy = server.environment === null ? 'stop it' : `take it out of its environment with "sluice server remove ${id}", or stop it`;
    throw new SluiceError('in-use', `server "${id}" is ${server.state}: ${remedy}; only a lost server can be forgotten`);
  };

  // The draining of a server is part of its record, not of the answer, whose state also tells of other conditions.
  const tagged = async (reply: FastifyReply, server: ServerAnswer) => {
    const record = await registry.server(server.id);
    if (record) reply.header('etag', `"${serverTag(record)}"`);
    return server;
  };
  const conditionOf = (headers: { 'if-match'?: string | undefined }) => {
    const expect = expectedTags(headers['if-match']);
    return expect && { expect };
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
      const servers = await listServers();
      return environment === undefined ? servers : servers.filter((server) => server.environment === environment);
    },
  );

  app.get(
    '/v1/servers/:id',
    { schema: { summary: 'One server', params: byId, response: { 200: serverAnswer, ...refusals } } },
    async (request, reply) => tagged(reply, await describe(request.params.id)),
  );

  app.patch(
    '/v1/servers/:id',
    {
      bodyLimit: smallBody,
      schema: {
        summary: 'Drain or resume a server, or change its weight (not of a static server: its settings have its weight)',
        consumes: bodyTypes,
        headers: conditional,
        params: byId,
        body: patch,
        response: { 200: serverAnswer, ...refusals },
      },
    },
    async (request, reply) => {
      const { id } = request.params;
      const { draining, weight } = request.body;
      const condition = conditionOf(request.headers);
      const { source, environment } = await describe(id);
      if (source !== 'static' || environment === null || draining === undefined || weight !== undefined) {
        await findRegistered(id);
        await registry.patchServer(id, request.body, condition);
      } else if (condition === undefined) await registry.drainStatic(environment, id, draining);
      else throw new SluiceError('version-mismatch', `server "${id}" is static and has no ETag: send the change without If-Match`);
      return tagged(reply, await describe(id));
    },
  );

  app.put(
    '/v1/environments/:env/servers/:id',
    {
      schema: {
        summary: 'Add a server to an environment; if it is in another environment it is drained there first',
        headers: conditional,
        params: inEnvironment,
        response: { 200: serverAnswer, ...refusals },
      },
    },
    async (request, reply) => {
      const { env, id } = request.params;
      await findRegistered(id);
      await registry.assign(id, env, conditionOf(request.headers));
      return tagged(reply, await describe(id));
    },
  );

  app.delete(
    '/v1/environments/:env/servers/:id',
    {
      schema: {
        summary: 'Remove a server from its environment: it is drained, then available',
        headers: conditional,
        params: inEnvironment,
        response: { 200: serverAnswer, ...refusals },
      },
    },
    async (request, reply) => {
      const { env, id } = request.params;
      const server = await findRegistered(id);
      if (server.environment !== env && server.movingTo !== env) {
        await findEnvironment(registry, env);
        throw new SluiceError(
          'not-found',
          `server "${id}" is not in environment "${env}": it is ${server.environment ? `in "${server.environment}"` : 'available'}`,
        );
      }
      await registry.assign(id, undefined, conditionOf(request.headers));
      return tagged(reply, await describe(id));
    },
  );

  app.delete(
    '/v1/servers/:id',
    {
      schema: {
        summary: 'Forget a lost server: its record and its assignment; 409 while it is alive',
        headers: conditional,
        params: byId,
        response: { 204: z.undefined(), ...refusals },
      },
    },
    async (request, reply) => {
      const { id } = request.params;
      await mustBeLost(id);
      await registry.forgetServer(id, conditionOf(request.headers));
      return reply.code(204).send();
    },
  );
}
