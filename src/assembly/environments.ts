import { isDeepStrictEqual } from 'node:util';
import type { Logger } from 'pino';
import type { Config } from '../config/config.ts';
import { SluiceError } from '../model/fault.ts';
import type { Registry } from '../registry/contract.ts';

/** Milliseconds between two tries to reach a registry that is away. */
const retryMs = 1000;
/** What is settled once, when the process starts: keys of the configuration that only a restart changes. */
export const settled = ['control', 'registry', 'dataDir'] as const;

/** Creates or updates the environments that the configuration names. One without any settings never undoes what an operator changed. */
export async function putEnvironments(registry: Registry, config: Config, logger: Logger): Promise<void> {
  for (const { name, input } of config.environments) {
    await untilReachable(logger, async () => {
      if (Object.keys(input).length > 0 || (await registry.environment(name)) === undefined) await registry.putEnvironment(name, input);
    });
  }
}

/**
 * Puts the environments that differ between two configurations, and touches nothing else: those that stand there as before stay
 * as they are, whatever operators changed in them meanwhile.
 */
export async function reloadEnvironments(present: Config, next: Config, registry: Registry, logger: Logger): Promise<void> {
  const before = new Map(present.environments.map((environment) => [environment.name, environment.input]));
  const changed = next.environments.filter(({ name, input }) => !isDeepStrictEqual(before.get(name), input));
  for (const { name, input } of changed) {
    await untilReachable(logger, async () => {
      if (before.has(name) || Object.keys(input).length > 0 || (await registry.environment(name)) === undefined)
        await registry.putEnvironment(name, input);
    });
    logger.info({ environment: name }, 'environment taken over from the configuration');
  }
  for (const { name } of next.environments) before.delete(name);
  for (const name of before.keys()) {
    logger.warn({ environment: name }, `no longer in the configuration, and stays: "sluice env delete ${name}" deletes it`);
  }
}

/** Says what a running process cannot take over. */
export function warnOfSettled(started: Config, next: Config, logger: Logger): void {
  for (const setting of settled) {
    if (!isDeepStrictEqual(started[setting], next[setting]))
      logger.warn({ setting }, 'changed in the configuration: takes effect when the balancer is restarted');
  }
}

async function untilReachable(logger: Logger, task: () => Promise<void>): Promise<void> {
  for (;;) {
    try {
      return await task();
    } catch (error) {
      if (!(error instanceof SluiceError) || error.code !== 'unavailable') throw error;
      logger.warn({ reason: error.message }, 'waiting for the registry');
      await new Promise<void>((resolve) => setTimeout(resolve, retryMs));
    }
  }
}
