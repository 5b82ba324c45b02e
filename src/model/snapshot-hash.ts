import { contentHash } from './content-hash.ts';
import type { ManifestEntry } from './manifest.ts';
import type { Snapshot } from './snapshot.ts';

/** The parts of a deployment that a snapshot's hash depends on. */
type Hashed = Pick<ManifestEntry, 'name' | 'revision' | 'hash' | 'fallback'>;

const modulus = 1n << 256n;

/**
 * Hash of a snapshot's content: the sum, modulo 2^256, of the SHA-256 of its variables and of each deployment. A sum does not depend on the order,
 * and one deployment is replaced in it without reading the others. It tells contents apart; it is no defence against forged contents.
 */
export function snapshotHash(variables: Snapshot['variables'], deployments: Iterable<Hashed>): string {
  let sum = ofVariables(variables);
  for (const deployment of deployments) sum += ofDeployment(deployment);
  return hex(sum);
}

/** Hash after one deployment was replaced; undefined stands for none. */
export function hashAfterDeployment(hash: string, before: Hashed | undefined, after: Hashed | undefined): string {
  return hex(BigInt(`0x${hash}`) - (before ? ofDeployment(before) : 0n) + (after ? ofDeployment(after) : 0n));
}

/** Hash after the variables were replaced. */
export function hashAfterVariables(hash: string, before: Snapshot['variables'], after: Snapshot['variables']): string {
  return hex(BigInt(`0x${hash}`) - ofVariables(before) + ofVariables(after));
}

function ofDeployment({ name, revision, hash, fallback }: Hashed): bigint {
  return BigInt(`0x${contentHash({ name, revision, hash, fallback: fallback && { revision: fallback.revision, hash: fallback.hash } })}`);
}

function ofVariables(variables: Snapshot['variables']): bigint {
  return BigInt(`0x${contentHash({ variables })}`);
}

function hex(sum: bigint): string {
  return (((sum % modulus) + modulus) % modulus).toString(16).padStart(64, '0');
}
