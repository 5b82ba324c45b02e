import { join } from 'node:path';
import { createLogger } from '../../src/assembly/logger.ts';
import { type Gateway, startGateway } from '../../src/gateway/gateway.ts';
import { systemClock } from '../../src/model/clock.ts';
import { openListener } from '../../src/proxy/http-listener.ts';
import type { Registry } from '../../src/registry/contract.ts';
import { openRegistry } from '../../src/registry/open-registry.ts';
import { lightRegistry } from './light-registry.ts';
import type { GatewayProcessSettings, Order, Report } from './messages.ts';
import { observedRegistry } from './observed-registry.ts';

/**
 * Program that runs many gateway servers in one process. Each has its own registry connections, listener, projects and snapshot file.
 * `GatewayProcesses` starts it as a child, with settings as its only argument, and sends orders as messages.
 */
const settings = JSON.parse(process.argv[2] ?? '') as GatewayProcessSettings;
const logger = createLogger(process.env['SLUICE_LOG_LEVEL'] ?? 'error');

interface Running {
  readonly registry: Registry;
  readonly gateway: Gateway;
}

const gateways = new Map<string, Promise<Running>>();
/** Ids of the gateways that report their next renewal. */
const marked = new Set<string>();
let calls = 0;
let news = 0;

function send(report: Report): void {
  // Errors are ignored: when the parent is gone, `disconnect` ends this process.
  process.send?.(report, undefined, {}, () => {});
}

/** Milliseconds with fractions, on the same clock in all processes of this machine. */
function wallClock(): number {
  return performance.timeOrigin + performance.now();
}

async function start(id: string, whole: boolean): Promise<Running> {
  const { join: url, token, environment, folder } = settings;
  const link = await openRegistry({ url, token, logger });
  let reported: number | undefined;
  const registry = observedRegistry(whole ? link : lightRegistry(link, settings), {
    called: () => calls++,
    heard: ({ kind }) => {
      news++;
      if (kind === 'resync') send({ report: 'resynced', id, at: wallClock() });
    },
    renewed: ({ running }) => {
      if (running === undefined || (running.version === reported && !marked.has(id))) return;
      reported = running.version;
      marked.delete(id);
      send({ report: 'renewed', id, version: running.version, at: wallClock() });
    },
  });
  const gateway = await startGateway({
    id,
    environment,
    listen: '127.0.0.1:0',
    dataDir: join(folder, id),
    version: 'fleet',
    registry,
    open: openListener,
    logger,
    clock: systemClock,
    random: Math.random,
  });
  return { registry: link, gateway };
}

async function leave(id: string): Promise<void> {
  const running = await gateways.get(id);
  gateways.delete(id);
  marked.delete(id);
  await running?.gateway.drain();
  await running?.registry.close();
  send({ report: 'left', id, at: wallClock() });
}

function attempt(id: string, work: Promise<unknown>): void {
  work.catch((error: Error) => send({ report: 'failed', id, reason: error.message }));
}

process.on('message', (order: Order) => {
  switch (order.order) {
    case 'start':
      for (const id of order.ids) {
        const starting = start(id, order.whole);
        gateways.set(id, starting);
        attempt(id, starting);
      }
      break;
    case 'leave':
      for (const id of order.ids) attempt(id, leave(id));
      break;
    case 'mark':
      for (const id of gateways.keys()) marked.add(id);
      break;
    case 'count':
      send({ report: 'counted', calls, news });
      break;
    default:
      order satisfies never;
  }
});
// Ctrl-C is handled by the parent, which ends this process.
process.on('SIGINT', () => {});
process.once('disconnect', () => process.exit(0));
send({ report: 'waiting' });
