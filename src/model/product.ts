import * as z from 'zod';
import { mostRequests } from './bounds.ts';
import { contentHash } from './content-hash.ts';
import type { Immutable } from './immutable.ts';
import { name } from './name.ts';

/** Greatest number of projects in one product, and of products. */
export const mostProjects = 1000;
export const mostProducts = 1000;

const aboutLimit = { description: 'requests of each subscriber in a second, minute or hour: 100/s, 1000/m, 5000/h' };
const aboutQuota = { description: 'requests of each subscriber in an hour, day, week or month: 10000/day' };
/** True for a text of another form too, which has a fault of its own. */
const inRange = (text: string) => !(Number.parseInt(text, 10) > mostRequests);
const tooMany = `must be at most ${mostRequests} requests`;

/** Limit and quota as they are stored: earlier versions accepted quotas of more than {@link mostRequests}. */
export const storedLimit = z
  .string()
  .regex(/^[1-9]\d{0,14}\/(s|m|h)$/, 'must be a number of requests in a second, minute or hour: 100/s, 1000/m, 5000/h')
  .meta(aboutLimit);
export const storedQuota = z
  .string()
  .regex(/^[1-9]\d{0,14}\/(hour|day|week|month)$/, 'must be a number of requests in a period: 1000/hour, 10000/day, /week or /month')
  .meta(aboutQuota);

/** Number of requests in a time, such as `100/s`. */
export const productLimit = storedLimit.refine(inRange, tooMany).meta(aboutLimit);

/** Number of requests in a calendar period, such as `10000/day`. */
export const productQuota = storedQuota.refine(inRange, tooMany).meta(aboutQuota);

/** Projects that consumers may use by one subscription. A project in a product demands a subscription to one of its products. */
export const product = z.looseObject({
  name,
  /** Names of projects, deployed or not, sorted. */
  projects: z.array(name).min(1, 'needs at least one project').max(mostProjects),
  limit: storedLimit.exactOptional(),
  quota: storedQuota.exactOptional(),
});

export type Product = Immutable<z.output<typeof product>>;

/** Tag of a product: differs after each change. */
export function productTag(one: Product): string {
  return contentHash(one).slice(0, 16);
}
