import { isDeepStrictEqual } from 'node:util';
import type { Logger } from 'pino';
import type { Config } from '../config/config.ts';

/** Settings, by dotted path, that are read only when the balancer starts. */
export const restartOnly = ['control.listen', 'control.tls', 'control.trustedProxies', 'registry', 'dataDir'] as const;

/** Warns of each changed setting that only a restart applies. */
export function warnOfRestartOnly(started: Config, next: Config, logger: Logger): void {
  for (const setting of restartOnly) {
    const [group = ''] = setting.split('.');
    if (!isDeepStrictEqual(settingAt(started, setting), settingAt(next, setting))) warnNeedsRestart(group, logger);
  }
}

/** Warns that a changed setting needs a restart. */
export function warnNeedsRestart(setting: string, logger: Logger): void {
  logger.warn({ setting }, 'changed in the configuration: takes effect when the balancer is restarted');
}

function settingAt(config: Config, setting: string): unknown {
  return setting.split('.').reduce<unknown>((value, step) => (value as Record<string, unknown>)[step], config);
}
