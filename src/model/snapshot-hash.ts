import { contentHash } from './content-hash.ts';
import type { ManifestEntry } from './manifest.ts';
import type { ServedSettings } from './snapshot.ts';

/** The parts of a deployment that a snapshot's hash depends on. */
type Hashed = Pick<ManifestEntry, 'name' | 'revision' | 'hash' | 'fallback'>;

const modulus = 1n << 256n;

/**
 * Hash of a snapshot's content: the sum, modulo 2^256, of the SHA-256 of its settings and of each deployment. A sum does not depend on the order,
 * and one deployment is replaced in it without reading the others. It tells contents apart; it is no defence against forged contents.
 */
export function snapshotHash(settings: ServedSettings, deployments: Iterable<Hashed>): string {
  let sum = ofSettings(settings);
  for (const deployment of deployments) sum += ofDeployment(deployment);
  return hex(sum);
}

/** Hash after one deployment was replaced; undefined stands for none. */
export function hashAfterDeployment(hash: string, before: Hashed | undefined, after: Hashed | undefined): string {
  return hex(BigInt(`0x${hash}`) - (before ? ofDeployment(before) : 0n) + (after ? ofDeployment(after) : 0n));
}

/** Hash after the settings were replaced. */
export function hashAfterSettings(hash: string, before: ServedSettings, after: ServedSettings): string {
  return hex(BigInt(`0x${hash}`) - ofSettings(before) + ofSettings(after));
}

function ofDeployment({ name, revision, hash, fallback }: Hashed): bigint {
  return BigInt(`0x${contentHash({ name, revision, hash, fallback: fallback && { revision: fallback.revision, hash: fallback.hash } })}`);
}

function ofSettings({ variables, underscores }: ServedSettings): bigint {
  return BigInt(`0x${contentHash({ variables, underscores })}`);
}

function hex(sum: bigint): string {
  return (((sum % modulus) + modulus) % modulus).toString(16).padStart(64, '0');
}
