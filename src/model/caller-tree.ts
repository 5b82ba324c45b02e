import { createHash } from 'node:crypto';
import * as z from 'zod';
import { consumer } from './consumer.ts';
import { sha256 } from './content-hash.ts';
import type { Immutable } from './immutable.ts';
import { product } from './product.ts';
import { count } from './quantity.ts';

/*
 * All consumers are cut into 4,096 buckets by a hash of their names. Buckets are the leaves of a tree of hashes: `root` has the hashes of `0` to `f`
 * and of the products, `a` those of `a0` to `af`, `a7` those of the buckets `a70` to `a7f`. A change of one consumer changes one bucket and three
 * nodes, and a reader finds what differs from what it has by reading those alone.
 */

/** Name of the topmost node, and of the part with all products. */
export const rootName = 'root';
export const productsName = 'products';

/** Hash of a part of the tree, and the number of consumers below it. */
const branch = z.tuple([sha256, count]);
export type Branch = readonly [hash: string, count: number];

/** Hashes of the parts below, by their names. */
export const callerNode = z.object({ children: z.record(z.string(), branch) });

/** The consumers of a bucket, sorted by name. */
export const consumerBucket = z.object({ consumers: z.array(consumer) });

/** All products, sorted by name. */
export const productList = z.object({ products: z.array(product) });

export type ConsumerBucket = Immutable<z.output<typeof consumerBucket>>;
export type ProductList = Immutable<z.output<typeof productList>>;

/** Name of a part: of a node, a bucket or the products. */
export const partName = z.string().regex(/^(root|products|[0-9a-f]{1,3})$/);

/** A part that is wanted, and the most parts that can be asked for at once. */
export const mostPartsAsked = 64;

/** One part of the tree as text. Its hash is {@link textHash} of the text. */
export const callerPart = z.object({ name: partName, text: z.string() });
export type CallerPart = Readonly<z.output<typeof callerPart>>;

/** Identity of all callers. */
export const callersId = z.object({
  /** Identity of the registry's data. */
  epoch: z.string(),
  /** Hash of the root; absent: no consumer and no product was ever made, or the registry has lost them. */
  hash: sha256.exactOptional(),
});
export type CallersId = Readonly<z.output<typeof callersId>>;

/** Name of the bucket that has a consumer. */
export function bucketOf(consumerName: string): string {
  return textHash(consumerName).slice(0, 3);
}

/** True if the part is a bucket. */
export function isBucket(part: string): boolean {
  return part.length === 3;
}

/** The node above a part; undefined above the root. */
export function parentOf(part: string): string | undefined {
  if (part === rootName) return undefined;
  return part === productsName || part.length === 1 ? rootName : part.slice(0, -1);
}

/** Text of a node: the same children always have the same text. */
export function nodeText(children: Iterable<readonly [name: string, branch: Branch]>): string {
  const sorted = [...children].sort(([one], [other]) => (one < other ? -1 : 1));
  return JSON.stringify({ children: Object.fromEntries(sorted.map(([child, [hash, below]]) => [`${child}`, [hash, below]])) });
}

/** Sum of the consumers below a node. */
export function countBelow(children: Iterable<Branch>): number {
  let sum = 0;
  for (const [, below] of children) sum += below;
  return sum;
}

/** SHA-256 (hex) of a text. */
export function textHash(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
