import type { Logger } from 'pino';
import type { Balancer } from '../balancer/balancer.ts';
import type { Config } from '../config/config.ts';
import { type ErrorCode, type Fault, SluiceError } from '../model/fault.ts';
import type { Registry } from '../registry/contract.ts';
import { programName } from './own-program.ts';
import { untilReachable, type Waiting } from './until-reachable.ts';

/**
 * Applies the environments of the configuration: at the start, and when it is loaded again. Only what changed in the configuration since it
 * was last applied is changed; the registry remembers what that was. Changes by operators stay. Settings that the registry refuses, because
 * deployed projects could not be served with them, refuse a reload; at a start they are logged, and the environment keeps those that it has.
 */
export async function applyEnvironments(
  registry: Registry,
  config: Config,
  logger: Logger,
  { reload = false, ...waiting }: { reload?: boolean } & Waiting = {},
): Promise<void> {
  const changed: string[] = [];
  for (const { name, input } of config.environments) {
    const about = logger.child({ environment: name });
    const applied = await untilReachable(
      logger,
      async () => {
        try {
          return await registry.applyEnvironment(name, input);
        } catch (error) {
          if (!(error instanceof SluiceError)) throw error;
          const { code, message: reason } = error;
          // A damaged document harms only its own environment.
          if (code === 'internal' || (code === 'invalid' && !reload))
            about.error({ reason }, 'the environment keeps the settings that it has');
          else if (!reload && registry.link.refuses !== undefined && (await registry.environment(name)) !== undefined)
            about.error(
              { reason },
              'the environment keeps the settings that it has: reload the configuration (SIGHUP) once the registry takes writes',
            );
          else throw reload ? inReload(error, name, changed) : error;
          return undefined;
        }
      },
      waiting,
    );
    if (applied === undefined) continue;
    const { outcome, replaced, kept } = applied;
    if (outcome === 'created' || outcome === 'changed') changed.push(name);
    if (outcome === 'created') about.info('environment created from the configuration');
    if (outcome === 'changed') about.info('environment updated from the configuration');
    if (outcome === 'deleted') {
      about.warn(
        `deleted by an operator, and its configuration has not changed: it stays deleted; "${programName} env create ${name}" creates it`,
      );
    }
    if (replaced.length > 0)
      about.warn({ settings: replaced }, 'settings that operators had changed are replaced, since they changed in the configuration');
    if (kept.length > 0)
      about.info({ settings: kept }, 'settings that operators changed stay, since they did not change in the configuration');
  }
}

/**
 * Applies a configuration that was loaded again. Environments that it no longer has are kept. Rejects, and changes nothing, if a new
 * listener cannot be opened, or if the registry would refuse the settings of an environment; then with the faults of all environments. What
 * fails after these checks is reported by name, with the environments that were changed before it.
 */
export async function reloadEnvironments(
  present: Config,
  next: Config,
  { registry, reserve, logger }: { registry: Registry; reserve: Balancer['reserve']; logger: Logger },
): Promise<void> {
  const listens = new Set(present.environments.map(({ spec }) => spec.listen));
  const releases: ((made: boolean) => void)[] = [];
  let made = false;
  try {
    // All of them before the first change: a configuration is applied as a whole or not at all.
    for (const { spec } of next.environments) if (!listens.has(spec.listen)) releases.push(await reserve(spec.listen));
    await mustApply(registry, next, logger);
    await applyEnvironments(registry, next, logger, { reload: true });
    made = true;
  } finally {
    for (const release of releases) release(made);
  }
  const left = new Set(next.environments.map(({ name }) => name));
  for (const { name } of present.environments) {
    if (left.has(name)) continue;
    await untilReachable(logger, () => registry.forgetApplied(name));
    logger.warn({ environment: name }, `no longer in the configuration, but kept: "${programName} env delete ${name}" deletes it`);
  }
}

/** Rejects if the registry would refuse the settings of any environment. */
async function mustApply(registry: Registry, { environments }: Config, logger: Logger): Promise<void> {
  const faults: Fault[] = [];
  let code: ErrorCode = 'invalid';
  for (const { name, input } of environments) {
    try {
      await untilReachable(logger, () => registry.applyEnvironment(name, input, { dryRun: true }));
    } catch (error) {
      // A damaged document harms only its own environment, whose settings stay.
      if (!(error instanceof SluiceError) || error.code === 'internal') continue;
      code = error.code;
      const found = error.faults.length > 0 ? error.faults : [{ path: '', message: error.message }];
      faults.push(
        ...found.map(({ path, message }) => ({ path: ['environments', name, ...(path === '' ? [] : [path])].join('.'), message })),
      );
    }
  }
  if (faults.length === 0) return;
  const reasons = faults.map(({ path, message }) => `${path} ${message}`);
  throw new SluiceError(code, `nothing was changed: ${reasons.join('; ')}`, { faults });
}

/** The error of a change that failed in the middle of a reload. */
function inReload(error: SluiceError, name: string, changed: readonly string[]): SluiceError {
  if (error.code === 'unavailable') return error;
  const before = changed.length === 0 ? '' : `; already changed: ${changed.join(', ')}`;
  return new SluiceError(error.code, `environment "${name}": ${error.message}${before}`, { cause: error });
}
