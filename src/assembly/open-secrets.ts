import type { Logger } from 'pino';
import { SluiceError } from '../model/fault.ts';
import type { Registry } from '../registry/contract.ts';
import { loadSecretKeys } from '../registry/secrets/load-secret-keys.ts';
import { Secrets } from '../registry/secrets/secrets.ts';

/**
 * Opens the secrets that this balancer shares with others on its registry. Undefined if the registry is another balancer's, or if no key can be
 * made: then everything that needs no secret works. Rejects with `invalid` for a given key that cannot be used.
 */
export async function openSecrets(parts: {
  readonly registry: Registry;
  readonly dataDir: string;
  readonly env: NodeJS.ProcessEnv;
  readonly logger: Logger;
}): Promise<Secrets | undefined> {
  const { registry, dataDir, env, logger } = parts;
  const { secrets } = registry;
  if (secrets === undefined) return undefined;
  try {
    return new Secrets({ secrets, watch: registry.watch, keys: await loadSecretKeys(dataDir, env), logger });
  } catch (error) {
    if (!(error instanceof SluiceError) || error.code !== 'unavailable') throw error;
    logger.error({ reason: error.message }, 'this balancer has no key for the secrets of the registry, and does without them');
    return undefined;
  }
}
