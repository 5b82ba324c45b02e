import { InvalidArgumentError } from 'commander';
import type * as z from 'zod';
import { check } from '../config/check.ts';
import { address } from '../model/address.ts';
import { maxWeight } from '../model/bounds.ts';
import { credentialId } from '../model/consumer.ts';
import { cidr, connectionLimit } from '../model/environment.ts';
import { expiry, lifetime } from '../model/expiry.ts';
import { name } from '../model/name.ts';
import { cachePurge } from '../model/news.ts';
import { productLimit, productQuota } from '../model/product.ts';
import { project } from '../model/project.ts';
import { duration } from '../model/quantity.ts';

/** Readers of command-line values. A wrong value is reported before any request is sent to a balancer. */

export const readName = reader(name);
export const readAddress = reader(address);
export const readBasePath = reader(project.shape.basePath);
export const readLimit = reader(productLimit);
export const readQuota = reader(productQuota);
export const readCredentialId = reader(credentialId);
export const readCacheTag = reader(cachePurge.shape.tag.unwrap());
export const readCachePath = reader(cachePurge.shape.path.unwrap());
const readRange = reader(cidr);
/** Milliseconds. */
export const readDuration = reader(duration);

/** Addresses or CIDR ranges, separated by commas. */
export function readRanges(text: string): string[] {
  return text.split(',').map((range) => readRange(range.trim()));
}

export function readWeight(text: string): number {
  const weight = /^\d{1,5}$/.test(text) ? Number(text) : Number.NaN;
  if (weight <= maxWeight) return weight;
  throw new InvalidArgumentError(`It must be a whole number from 0 to ${maxWeight}.`);
}

/** A number of connections, or `auto`. */
export function readConnections(text: string): number | 'auto' {
  const { success, data, error } = connectionLimit.safeParse(/^\d+$/.test(text) ? Number(text) : text);
  if (success) return data;
  throw new InvalidArgumentError(`It ${error.issues[0]?.message}.`);
}

export function readCount(text: string): number {
  const count = /^\d{1,3}$/.test(text) ? Number(text) : Number.NaN;
  if (count <= 64) return count;
  throw new InvalidArgumentError('It must be a whole number from 0 to 64.');
}

/** The greatest number of entries in an answer. */
export function readMost(text: string): number {
  if (/^[1-9]\d{0,8}$/.test(text)) return Number(text);
  throw new InvalidArgumentError('It must be a whole number, at least 1.');
}

/** Names, separated by commas. */
export function readNames(text: string): string[] {
  return text.split(',').map((one) => readName(one.trim()));
}

/** `NAME` or `NAME@REVISION`. */
export function readProject(text: string): { name: string; revision?: number } {
  const [, name, revision] = /^([^@]+)(?:@([1-9]\d{0,14}))?$/.exec(text) ?? [];
  if (name === undefined) throw new InvalidArgumentError('It must be NAME or NAME@REVISION, for example petstore@3.');
  return { name: readName(name), ...(revision !== undefined && { revision: Number(revision) }) };
}

/** Time from now such as `90d`, or an instant; as it was written. */
export function readExpiry(text: string): string {
  if (lifetime.safeParse(text).success || expiry.safeParse(text).success) return text;
  throw new InvalidArgumentError('It must be a time such as 12h, 90d or 52w, or an instant such as 2027-01-31T00:00:00Z.');
}

function reader<Output>(schema: z.ZodType<Output, string | 0>): (text: string) => Output {
  return (text) => {
    const { value, faults } = check(text, schema);
    if (faults) throw new InvalidArgumentError(`It ${faults[0]?.message}.`);
    return value;
  };
}
