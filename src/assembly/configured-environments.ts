import { isDeepStrictEqual } from 'node:util';
import type { Logger } from 'pino';
import type { Config } from '../config/config.ts';
import { SluiceError } from '../model/fault.ts';
import type { Registry } from '../registry/contract.ts';

/** Milliseconds between two attempts while the registry is unreachable. */
const retryMs = 1000;

/**
 * Creates or updates the environments of the configuration. An environment without settings is only created, so that it never undoes an
 * operator's changes. Settings that the registry refuses, because deployed projects could not be served with them, are logged and left
 * out: the start goes on with the settings that the environment has.
 */
export async function putEnvironments(registry: Registry, config: Config, logger: Logger): Promise<void> {
  for (const { name, input } of config.environments) {
    await untilReachable(logger, async () => {
      const present = await registry.environment(name);
      if (present !== undefined && Object.keys(input).length === 0) return;
      try {
        await registry.putEnvironment(name, input);
      } catch (error) {
        if (present === undefined || !(error instanceof SluiceError)) throw error;
        const { code, message: reason } = error;
        if (code === 'invalid') logger.error({ environment: name, reason }, 'the environment keeps the settings that it has');
        else if (registry.link.refuses !== undefined)
          logger.error(
            { environment: name, reason },
            'the environment keeps the settings that it has: reload the configuration (SIGHUP) once the registry takes writes',
          );
        else throw error;
      }
    });
  }
}

/**
 * Creates or updates the environments that differ between two configurations. The others are left alone, so that operators' changes to
 * them stay.
 */
export async function reloadEnvironments(present: Config, next: Config, registry: Registry, logger: Logger): Promise<void> {
  const before = new Map(present.environments.map((environment) => [environment.name, environment.input]));
  const changed = next.environments.filter(({ name, input }) => !isDeepStrictEqual(before.get(name), input));
  for (const { name, input } of changed) {
    await untilReachable(logger, async () => {
      if (before.has(name) || Object.keys(input).length > 0 || (await registry.environment(name)) === undefined)
        await registry.putEnvironment(name, input);
    });
    logger.info({ environment: name }, 'environment updated from the configuration');
  }
  for (const { name } of next.environments) before.delete(name);
  for (const name of before.keys()) {
    logger.warn({ environment: name }, `no longer in the configuration, but kept: "sluice env delete ${name}" deletes it`);
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
