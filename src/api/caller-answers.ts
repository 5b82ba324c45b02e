import * as z from 'zod';
import { credentialId } from '../model/consumer.ts';
import type { Immutable } from '../model/immutable.ts';
import { name } from '../model/name.ts';
import { storedLimit, storedQuota } from '../model/product.ts';

const expires = z.string().nullable().meta({ description: 'instant at which it expires, in RFC 3339 form; null: it does not' });
const credential = z.object({ id: credentialId, expires });

export const consumerAnswer = z
  .object({
    name,
    createdAt: z.number(),
    keys: z.array(credential).meta({ description: 'its API keys, without the keys and their digests' }),
    passwords: z.array(credential).meta({ description: 'its passwords for basic authentication, without their digests' }),
    products: z.array(name).meta({ description: 'products that it has subscribed to' }),
  })
  .meta({ id: 'Consumer', description: 'a program or person that calls APIs' });

export const keyMade = credential
  .extend({ key: z.string().meta({ description: 'the key: this answer is the only place where it ever stands' }) })
  .meta({ id: 'KeyMade', description: 'a new API key' });

export const productAnswer = z
  .object({ name, projects: z.array(name), limit: storedLimit.nullable(), quota: storedQuota.nullable() })
  .meta({ id: 'Product', description: 'projects that consumers may use by one subscription' });

export const subscriptionAnswer = z
  .object({ product: name, consumer: name })
  .meta({ id: 'Subscription', description: 'a consumer may use the projects of a product' });

export const callersAnswer = z
  .object({
    epoch: z.string(),
    hash: z.string().nullable().meta({ description: 'hash of the root; null: there are no consumers and no products' }),
  })
  .meta({ id: 'Callers', description: 'identity of all consumers and products' });

/** Most consumers of one import request, and the content type of its body: a line of JSON for each. */
export const mostImported = 500;
export const linesType = 'application/x-ndjson';

export const consumersImported = z
  .object({
    created: z.number(),
    changed: z.number(),
    unchanged: z.number(),
    refused: z
      .array(z.object({ name, code: z.string(), detail: z.string() }))
      .meta({ description: 'consumers that were not made or changed, with the reason; all others were' }),
  })
  .meta({ id: 'ConsumersImported', description: 'result of an import of consumers' });

export type ConsumersImported = Immutable<z.input<typeof consumersImported>>;
export type ConsumerAnswer = Immutable<z.input<typeof consumerAnswer>>;
export type KeyMade = Immutable<z.input<typeof keyMade>>;
export type ProductAnswer = Immutable<z.input<typeof productAnswer>>;
