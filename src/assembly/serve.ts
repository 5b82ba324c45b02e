import { join } from 'node:path';
import type { Logger } from 'pino';
import { type Balancer, startBalancer } from '../balancer/balancer.ts';
import type { Config } from '../config/config.ts';
import { sessionKey } from '../control/access/sessions.ts';
import { createAuthorizer, loadTokens, type Tokens } from '../control/access/tokens.ts';
import { type Control, startControl } from '../control/control.ts';
import { systemClock } from '../model/clock.ts';
import type { Registry } from '../registry/contract.ts';
import { openRegistry } from '../registry/open-registry.ts';
import { RegistrationEndpoint } from '../registry/remote/registration-endpoint.ts';
import { Carriers } from './carriers.ts';
import { putEnvironments, reloadEnvironments, warnOfSettled } from './environments.ts';
import { loadShipped } from './shipped.ts';
import { version } from './version.ts';

/** Environments that a summary names; more would fill a screen. */
const most = 5;

/** A running balancer with its control plane. */
export interface Served {
  readonly registry: Registry;
  readonly balancer: Balancer;
  readonly control: Control;
  readonly tokens: Tokens;
  /** What it does now, in a line for supervisors. */
  summary(): string;
  /** Puts another configuration into effect, touching only what differs; warns of what only a restart can change. */
  reload(next: Config): Promise<void>;
  /** Makes a new access log under its name, after the file was renamed. */
  reopenAccessLog(): void;
  /** Puts new worker processes in the place of the present ones, one by one; they run the program as it is on disk by then. */
  restartWorkers(): Promise<void>;
  /** Drains for up to the configured grace, then closes everything. */
  stop(): Promise<void>;
}

/** Starts registry, traffic and control, in this order. Rejects with a `SluiceError` if one can't be had; then nothing is left running. */
export async function serve(config: Config, logger: Logger): Promise<Served> {
  const tokens = await loadTokens({ dataDir: config.dataDir, configured: config.control.tokens, env: process.env });
  logger.info({ admin: tokens.origin.admin, join: tokens.origin.join }, 'tokens');
  const authorize = createAuthorizer(tokens);
  const carriers = new Carriers(config, logger);
  await carriers.openAccessLog();
  const registry = await openRegistry({ ...config.registry, logger });
  let present = config;
  let balancer: Balancer | undefined;
  let control: Control | undefined;
  // The control goes after the traffic: gateways report to it while requests finish.
  const stop = async () => {
    await balancer?.drain(present.shutdown.grace);
    await carriers.flush();
    await control?.close();
    await registry.close();
  };
  const summary = () => {
    const { length } = present.environments;
    const listens = present.environments.slice(0, most).map(({ name }) => `${name} on ${balancer?.view.listening(name)}`);
    return `Serving ${listens.join(', ')}${length > most ? ` and ${length - most} more` : ''}; control at ${control?.url}`;
  };
  const reload = async (next: Config) => {
    warnOfSettled(config, next, logger);
    await reloadEnvironments(present, next, registry, logger);
    present = next;
    await carriers.adopt(next);
    logger.info('configuration reloaded');
  };
  try {
    await putEnvironments(registry, config, logger);
    balancer = await startBalancer({
      registry,
      own: config.environments.map(({ name }) => name),
      logger,
      clock: systemClock,
      random: Math.random,
      startDataPlane: carriers.start,
      graceMs: config.shutdown.grace,
    });
    const registration = new RegistrationEndpoint({ registry, authorize, logger });
    control = await startControl({
      listen: config.control.listen,
      registry,
      live: balancer.view,
      accessLogDropped: () => carriers.accessLogDropped,
      authorize,
      join: registration,
      logger,
      version,
      page: loadShipped().page,
      sessionKey: await sessionKey(tokens.admin),
      journalFile: join(config.dataDir, 'journal.json'),
    });
    for (const { name } of config.environments) logger.info({ environment: name, listen: balancer.view.listening(name) }, 'serving');
    logger.info({ control: control.url }, 'control');
    return {
      registry,
      balancer,
      control,
      tokens,
      summary,
      reload,
      reopenAccessLog: () => carriers.reopenAccessLog(),
      restartWorkers: () => carriers.restart(),
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}
