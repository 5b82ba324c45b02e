import type { Logger } from 'pino';
import { type Balancer, startBalancer } from '../balancer/balancer.ts';
import type { Config } from '../config/config.ts';
import { type Control, startControl } from '../control/control.ts';
import { createAuthorizer, loadTokens, type Tokens } from '../control/tokens.ts';
import { systemClock } from '../model/clock.ts';
import { openRegistry } from '../registry/connect.ts';
import type { Registry } from '../registry/contract.ts';
import { RegistrationEndpoint } from '../registry/endpoint.ts';
import { Carriers } from './carriers.ts';
import { putEnvironments, reloadEnvironments, warnOfSettled } from './environments.ts';
import { loadPage } from './page.ts';
import { version } from './version.ts';

/** A running balancer with its control plane. */
export interface Served {
  readonly registry: Registry;
  readonly balancer: Balancer;
  readonly control: Control;
  readonly tokens: Tokens;
  /** Puts another configuration into effect, touching only what differs; warns of what only a restart can change. */
  reload(next: Config): Promise<void>;
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
  const registry = await openRegistry({ ...config.registry, logger });
  const carriers = new Carriers(config, logger);
  let present = config;
  let balancer: Balancer | undefined;
  let control: Control | undefined;
  // The control goes after the traffic: gateways report to it while requests finish.
  const stop = async () => {
    await balancer?.drain(present.shutdown.grace);
    await control?.close();
    await registry.close();
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
      startTraffic: carriers.start,
      graceMs: config.shutdown.grace,
    });
    const join = new RegistrationEndpoint({ registry, authorize, logger });
    control = await startControl({
      listen: config.control.listen,
      registry,
      live: balancer.view,
      authorize,
      join,
      logger,
      version,
      page: loadPage(),
    });
    for (const { name } of config.environments) logger.info({ environment: name, listen: balancer.view.listening(name) }, 'serving');
    logger.info({ control: control.url }, 'control');
    return { registry, balancer, control, tokens, reload, restartWorkers: () => carriers.restart(), stop };
  } catch (error) {
    await stop();
    throw error;
  }
}
