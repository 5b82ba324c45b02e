import * as z from 'zod';
import { productAnswer, subscriptionAnswer } from '../../api/caller-answers.ts';
import { SluiceError } from '../../model/fault.ts';
import { name } from '../../model/name.ts';
import { mostProjects, type Product, productLimit, productQuota, productTag } from '../../model/product.ts';
import { bodyTypes } from './bodies.ts';
import { mustBeNamed, rulesOf } from './consumer-routes.ts';
import type { ControlApp, ControlContext } from './control-app.ts';
import { conditional, creating, expectedTags } from './etag.ts';
import { refusals } from './openapi.ts';

const byName = z.strictObject({ name });
const subscription = z.strictObject({ name, consumer: name });

const productBody = z
  .strictObject({
    name: name.optional(),
    projects: z
      .array(name)
      .min(1, 'needs at least one project')
      .max(mostProjects)
      .meta({ description: 'names of projects, deployed or not' }),
    limit: productLimit.nullable().optional(),
    quota: productQuota.nullable().optional(),
  })
  .meta({ id: 'ProductBody' });

/** Reads, creates, replaces and deletes products, and subscribes consumers to them. */
export function productRoutes(app: ControlApp, { registry }: ControlContext): void {
  app.get(
    '/v1/products',
    { schema: { summary: 'All products, sorted by name', response: { 200: z.array(productAnswer), ...refusals } } },
    async () => (await rulesOf(registry).products()).map(describe),
  );

  app.get(
    '/v1/products/:name',
    { schema: { summary: 'One product', params: byName, response: { 200: productAnswer, ...refusals } } },
    async (request, reply) => {
      const { name } = request.params;
      const found = await rulesOf(registry).product(name);
      if (!found) throw new SluiceError('not-found', `there is no product "${name}": see sluice product list`);
      return reply.header('etag', `"${productTag(found)}"`).send(describe(found));
    },
  );

  app.put(
    '/v1/products/:name',
    {
      // A thousand names of projects.
      bodyLimit: 256 * 1024,
      schema: {
        summary: 'Create (201) or replace (200) a product. From then on its projects demand a subscription',
        consumes: bodyTypes,
        headers: creating,
        params: byName,
        body: productBody,
        response: { 200: productAnswer, 201: productAnswer, ...refusals },
      },
    },
    async (request, reply) => {
      const { name } = request.params;
      const { name: named = name, projects, limit, quota } = request.body;
      mustBeNamed('product', named, name);
      const expect = expectedTags(request.headers['if-match']);
      const spec = { projects, ...(limit != null && { limit }), ...(quota != null && { quota }) };
      const create = request.headers['if-none-match'] === '*';
      const { product, created } = await rulesOf(registry).putProduct(name, spec, { create, ...(expect && { expect }) });
      return reply
        .code(created ? 201 : 200)
        .header('etag', `"${productTag(product)}"`)
        .send(describe(product));
    },
  );

  app.delete(
    '/v1/products/:name',
    {
      schema: {
        summary: 'Delete a product; ?force is required while consumers have subscribed to it, and ends the subscriptions',
        headers: conditional,
        params: byName,
        querystring: z.strictObject({
          force: z.enum(['', 'true', 'false']).optional().meta({ description: 'true or empty: also ends the subscriptions to it' }),
        }),
        response: { 204: z.undefined(), ...refusals },
      },
    },
    async (request, reply) => {
      const { force } = request.query;
      const expect = expectedTags(request.headers['if-match']);
      await rulesOf(registry).deleteProduct(request.params.name, { force: force === '' || force === 'true', ...(expect && { expect }) });
      return reply.code(204).send();
    },
  );

  app.put(
    '/v1/products/:name/subscriptions/:consumer',
    {
      schema: {
        summary: 'Subscribe a consumer to a product (201); 200 if it has subscribed already',
        params: subscription,
        response: { 200: subscriptionAnswer, 201: subscriptionAnswer, ...refusals },
      },
    },
    async (request, reply) => {
      const { name: product, consumer } = request.params;
      const { created } = await rulesOf(registry).subscribe(product, consumer);
      return reply.code(created ? 201 : 200).send({ product, consumer });
    },
  );

  app.delete(
    '/v1/products/:name/subscriptions/:consumer',
    { schema: { summary: 'End a subscription', params: subscription, response: { 204: z.undefined(), ...refusals } } },
    async (request, reply) => {
      await rulesOf(registry).unsubscribe(request.params.name, request.params.consumer);
      return reply.code(204).send();
    },
  );
}

function describe({ name, projects, limit, quota }: Product) {
  return { name, projects: [...projects], limit: limit ?? null, quota: quota ?? null };
}
