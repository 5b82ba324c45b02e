import type { IncomingMessage } from 'node:http';
import * as z from 'zod';
import { callersAnswer } from '../../api/caller-answers.ts';
import { callerNode, consumerBucket, partName, productList, textHash } from '../../model/caller-tree.ts';
import { SluiceError } from '../../model/fault.ts';
import { name } from '../../model/name.ts';
import type { ControlApp, ControlContext } from './control-app.ts';
import { refusals } from './openapi.ts';

const byPart = z.strictObject({
  part: partName.meta({
    description: 'root; then the names that it has as children, and theirs, down to buckets such as 3f0 and the products',
  }),
});

const ofEnvironment = z.strictObject({
  environment: name.optional().meta({
    description:
      'only consumers that can call projects of this environment, and products with them; default: all, or those of the environment that the join token is for',
  }),
});

/** Lets gateways of any make, which register by plain HTTP, read consumers and products as Sluice's own gateway servers do. */
export function callerRoutes(app: ControlApp, { registry, registrants }: ControlContext): void {
  /** The environment whose consumers the sender may read; undefined: all. */
  const environmentOf = ({ raw, query }: { readonly raw: IncomingMessage; readonly query: z.output<typeof ofEnvironment> }) => {
    const own = registrants.of(raw)?.environment;
    const { environment = own } = query;
    if (own !== undefined && environment !== own)
      throw new SluiceError('forbidden', `the join token is for servers of environment "${own}": it reads the consumers of that one only`);
    return environment;
  };

  app.get(
    '/v1/callers',
    {
      config: { access: 'join' },
      schema: {
        summary: 'Identity of all consumers and products: the hash of the root of the tree that they are in; it differs after each change',
        querystring: ofEnvironment,
        response: { 200: callersAnswer, ...refusals },
      },
    },
    async (request) => {
      const { epoch, hash } = await registry.callers.id(environmentOf(request));
      return { epoch, hash: hash ?? null };
    },
  );

  app.get(
    '/v1/callers/:part',
    {
      config: { access: 'join' },
      schema: {
        summary:
          'One part of the tree, as text whose SHA-256 is its hash: a node with the hashes of its children, a bucket of consumers, or the products',
        params: byPart,
        querystring: ofEnvironment,
        response: { 200: z.union([callerNode, consumerBucket, productList]), ...refusals },
      },
    },
    async (request, reply) => {
      const { part } = request.params;
      const [found] = await registry.callers.parts([part], environmentOf(request));
      if (found === undefined) throw new SluiceError('not-found', `there is no part "${part}" of the callers: begin with root`);
      reply.header('etag', `"${textHash(found.text)}"`).type('application/json; charset=utf-8');
      return reply.serializer((text: unknown) => text as string).send(found.text as never);
    },
  );
}
