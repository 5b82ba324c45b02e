import { randomUUID } from 'node:crypto';
import { type Gateway, startGateway } from '../../src/gateway/gateway.ts';
import { systemClock } from '../../src/model/clock.ts';
import type { Log } from '../../src/model/log.ts';
import { openListener } from '../../src/proxy/http-listener.ts';
import { openRegistry } from '../../src/registry/open-registry.ts';
import { keptLogger } from '../tools/fake-logger.ts';
import { ownFolder } from '../tools/own-folder.ts';
import type { Owner } from '../tools/owner.ts';
import { joinToken } from '../tools/sluice-under-test.ts';

/** Length of the leases in milliseconds, a tenth of the default, so that tests can outlast them many times. */
export const ttl = 1000;

/** A gateway server in this process whose lease is short. */
export interface ShortLeased {
  readonly gateway: Gateway;
  readonly lines: ReturnType<typeof keptLogger>['lines'];
  /** Stops without leaving the registry, as a killed process does. */
  die(): Promise<void>;
}

/** Starts a gateway server of `production` that joins through `url`. */
export async function startShortLeased(owner: Owner, id: string, url: string, token: string = joinToken): Promise<ShortLeased> {
  const { logger, lines } = keptLogger();
  const registry = await openRegistry({ url, token, logger: logger as Log });
  let listener: Awaited<ReturnType<typeof openListener>> | undefined;
  const gateway = await startGateway({
    id,
    environment: 'production',
    listen: '127.0.0.1:0',
    dataDir: ownFolder(owner),
    ttl,
    grace: 1000,
    registry,
    version: randomUUID(),
    logger,
    clock: systemClock,
    random: Math.random,
    open: async (address, settings, handler) => {
      listener = await openListener(address, settings, handler);
      return listener;
    },
  });
  let dead = false;
  const die = async () => {
    dead = true;
    await registry.close();
    await listener?.close(0);
  };
  owner.teardown(async () => {
    if (dead) return;
    await registry.close();
    await gateway.drain();
  });
  return { gateway, lines, die };
}
