import { isDeepStrictEqual } from 'node:util';
import type { Logger } from 'pino';
import type { Config } from '../config/config.ts';

/** Keys of the configuration that are read only when the balancer starts. */
export const restartOnly = ['control', 'registry', 'dataDir'] as const;

/** Warns of each changed setting that only a restart applies. */
export function warnOfRestartOnly(started: Config, next: Config, logger: Logger): void {
  for (const setting of restartOnly) {
    if (!isDeepStrictEqual(started[setting], next[setting])) warnNeedsRestart(setting, logger);
  }
}

/** Warns that a changed setting needs a restart. */
export function warnNeedsRestart(setting: string, logger: Logger): void {
  logger.warn({ setting }, 'changed in the configuration: takes effect when the balancer is restarted');
}
