import { join } from 'node:path';
import { createLogger } from '../../src/assembly/logger.ts';
import { type Gateway, startGateway } from '../../src/gateway/gateway.ts';
import { systemClock } from '../../src/model/clock.ts';
import { openListener } from '../../src/proxy/http-listener.ts';
import type { Registry } from '../../src/registry/contract.ts';
import { openRegistry } from '../../src/registry/open-registry.ts';
import type { HolderSettings, Order, Report } from './messages.ts';
import { observed } from './observed-registry.ts';

/**
 * A process that holds many gateway servers, each whole: its own registry connections, listener, projects and snapshot
 * file; only the process is shared. Run as a child by `Holders`; settings are its one argument, orders come as messages.
 */
const settings = JSON.parse(process.argv[2] ?? '') as HolderSettings;
const logger = createLogger(process.env['SLUICE_LOG_LEVEL'] ?? 'error');

interface Held {
  readonly registry: Registry;
  readonly gateway: Gateway;
}

const held = new Map<string, Promise<Held>>();
/** Those of whose next renewal is to be told. */
const marked = new Set<string>();
let calls = 0;
let news = 0;

function tell(report: Report): void {
  // When the parent is gone, so is this process, in a moment.
  process.send?.(report, undefined, {}, () => {});
}

/** Milliseconds with fractions, the same in all processes of this machine. */
function wallClock(): number {
  return performance.timeOrigin + performance.now();
}

async function start(id: string): Promise<Held> {
  const { join: url, token, environment, folder } = settings;
  const link = await openRegistry({ url, token, logger });
  let told: number | undefined;
  const registry = observed(link, {
    called: () => calls++,
    heard: ({ kind }) => {
      news++;
      if (kind === 'resync') tell({ report: 'resynced', id, at: wallClock() });
    },
    renewed: ({ running }) => {
      if (running === undefined || (running.version === told && !marked.has(id))) return;
      told = running.version;
      marked.delete(id);
      tell({ report: 'renewed', id, version: running.version, at: wallClock() });
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
  const member = await held.get(id);
  held.delete(id);
  marked.delete(id);
  await member?.gateway.drain();
  await member?.registry.close();
  tell({ report: 'left', id, at: wallClock() });
}

function attempt(id: string, work: Promise<unknown>): void {
  work.catch((error: Error) => tell({ report: 'failed', id, reason: error.message }));
}

process.on('message', (order: Order) => {
  switch (order.order) {
    case 'start':
      for (const id of order.ids) {
        const starting = start(id);
        held.set(id, starting);
        attempt(id, starting);
      }
      break;
    case 'leave':
      for (const id of order.ids) attempt(id, leave(id));
      break;
    case 'mark':
      for (const id of held.keys()) marked.add(id);
      break;
    case 'count':
      tell({ report: 'counted', calls, news });
      break;
    default:
      order satisfies never;
  }
});
// Ctrl-C is for the parent, which says what is to happen.
process.on('SIGINT', () => {});
process.once('disconnect', () => process.exit(0));
tell({ report: 'waiting' });
