import type { Logger } from 'pino';
import { type Balancer, startBalancer } from '../balancer/balancer.ts';
import type { Config } from '../config/config.ts';
import { type Control, startControl } from '../control/control.ts';
import { createAuthorizer, loadTokens, type Tokens } from '../control/tokens.ts';
import { systemClock } from '../model/clock.ts';
import { SluiceError } from '../model/fault.ts';
import { accessLogTo } from '../proxy/access-log.ts';
import { openListener } from '../proxy/listener.ts';
import { openRegistry } from '../registry/connect.ts';
import type { Registry } from '../registry/contract.ts';
import { RegistrationEndpoint } from '../registry/endpoint.ts';
import { version } from './version.ts';

/** Milliseconds between two tries to reach a registry that is away at start. */
const retryMs = 1000;

/** A running balancer with its control plane. */
export interface Served {
  readonly registry: Registry;
  readonly balancer: Balancer;
  readonly control: Control;
  readonly tokens: Tokens;
  /** Drains for up to the configured grace, then closes everything. */
  stop(): Promise<void>;
}

/** Starts registry, traffic and control, in this order. Rejects with a `SluiceError` if one can't be had; then nothing is left running. */
export async function serve(config: Config, logger: Logger): Promise<Served> {
  const tokens = await loadTokens({ dataDir: config.dataDir, configured: config.control.tokens, env: process.env });
  logger.info({ admin: tokens.origin.admin, join: tokens.origin.join }, 'tokens');
  const authorize = createAuthorizer(tokens);
  const registry = await openRegistry({ ...config.registry, logger });
  let balancer: Balancer | undefined;
  let control: Control | undefined;
  // The control goes after the traffic: gateways report to it while requests finish.
  const stop = async () => {
    await balancer?.drain(config.shutdown.grace);
    await control?.close();
    await registry.close();
  };
  try {
    await putEnvironments(registry, config, logger);
    const accessLog = config.accessLog ? accessLogTo(logger) : undefined;
    balancer = await startBalancer({
      registry,
      logger,
      clock: systemClock,
      random: Math.random,
      open: (address, settings, handler) => openListener(address, settings, handler, accessLog),
      graceMs: config.shutdown.grace,
    });
    const join = new RegistrationEndpoint({ registry, authorize, logger });
    control = await startControl({ listen: config.control.listen, registry, live: balancer.view, authorize, join, logger, version });
    for (const { name } of config.environments) logger.info({ environment: name, listen: balancer.view.listening(name) }, 'serving');
    logger.info({ control: control.url }, 'control');
    return { registry, balancer, control, tokens, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Creates or updates the environments that the configuration names. One without any settings never undoes what an operator changed. */
async function putEnvironments(registry: Registry, config: Config, logger: Logger): Promise<void> {
  for (const { name, input } of config.environments) {
    for (;;) {
      try {
        if (Object.keys(input).length > 0 || (await registry.environment(name)) === undefined) await registry.putEnvironment(name, input);
        break;
      } catch (error) {
        if (!(error instanceof SluiceError) || error.code !== 'unavailable') throw error;
        logger.warn({ reason: error.message }, 'waiting for the registry');
        await new Promise<void>((resolve) => setTimeout(resolve, retryMs));
      }
    }
  }
}
