import { processDeadlines } from '../../src/http1/connection/deadlines.ts';
import { environmentSpec } from '../../src/model/environment.ts';
import type { Exchange } from '../../src/proxy/contract.ts';
import { openListener } from '../../src/proxy/http-listener.ts';
import { RetryBudget } from '../../src/proxy/retry.ts';
import { Upstream } from '../../src/proxy/upstream.ts';
import { eventually } from '../tools/eventually.ts';
import { memoryInUse } from '../tools/memory.ts';
import { OddServer, oddClient } from './odd-peers.ts';

/** State after a soak. All numbers except `exchanges` and `memory` must be 0. */
export interface Remains {
  readonly exchanges: number;
  readonly connections: number;
  readonly active: number;
  readonly upstreamActive: number;
  readonly upgraded: number;
  readonly pooled: number;
  readonly watched: number;
  /** TCP handles of the process. */
  readonly sockets: number;
  /** Octets of memory in use after a tenth of the time, and at the end. */
  readonly memory: { readonly early: number; readonly late: number };
}

/** A seeded random generator, so that a soak can be repeated (Lehmer, modulus 2^31 - 1). */
function lehmer(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 48_271) % 2_147_483_647;
    return state / 2_147_483_647;
  };
}

async function memory(): Promise<number> {
  const { heapUsed, arrayBuffers } = await memoryInUse();
  return heapUsed + arrayBuffers;
}

/** Counts TCP handles only: pipes belong to standard output and to the compiler of tsx, which may end at any time. */
function openSockets(): number {
  return process.getActiveResourcesInfo().filter((kind) => kind.startsWith('TCP')).length;
}

/** Runs mixed traffic for `durationMs`: every kind of client against every kind of server. */
export async function soak(durationMs: number, seed = 1): Promise<Remains> {
  const random = lehmer(seed);
  // Loading the proxy opens a socket to probe Node.js, which closes a moment later.
  await eventually(openSockets, (count) => count === 0, { what: 'no open socket before the soak', limitMs: 2000 });
  const watchedBefore = processDeadlines.size;
  const servers = await Promise.all([1, 2, 3].map(() => new OddServer(random).open()));
  const spec = environmentSpec.parse({
    limits: { connectionsPerServer: 20, queue: 10, queueTimeout: '200ms' },
    timeouts: { requestHead: '200ms', clientIdle: '300ms', responseHead: '300ms', upstreamIdle: '200ms', total: '1s' },
  });
  const upstreams = servers.map(({ port }) => new Upstream({ id: `s${port}`, host: '127.0.0.1', port }));
  for (const upstream of upstreams) upstream.maxActive = spec.limits.connectionsPerServer;
  const route = {
    settings: spec,
    budget: new RetryBudget(),
    pick: (_exchange: Exchange, tried: readonly Upstream[]) => {
      const free = upstreams.filter((upstream) => upstream.available && !tried.includes(upstream));
      return free[Math.floor(random() * free.length)];
    },
  };
  let exchanges = 0;
  const listener = await openListener(
    '127.0.0.1:0',
    { headerBytes: 8192, bodyRate: 0, timeouts: spec.timeouts, trustedProxies: [] },
    {
      request: (exchange) => exchange.forward(route),
      fault(error) {
        throw error;
      },
    },
    () => void exchanges++,
  );

  const begun = performance.now();
  let early = 0;
  const clients = async () => {
    while (performance.now() - begun < durationMs) {
      await oddClient(listener.address, random);
      if (early !== 0 || performance.now() - begun < durationMs / 10) continue;
      early = 1;
      early = await memory();
    }
  };
  await Promise.all(Array.from({ length: 40 }, clients));
  await listener.close(3000);
  for (const upstream of upstreams) upstream.retire();
  for (const server of servers) await server.close();
  // Destroyed sockets close a turn or two of the event loop later.
  await eventually(
    () => ({ watched: processDeadlines.size - watchedBefore, sockets: openSockets() }),
    ({ watched, sockets }) => watched <= 0 && sockets <= 0,
    { what: 'all deadlines and sockets to end', limitMs: 2000 },
  );
  // Buffers for slow readers are bounded and freed with them: only memory that stays in use is measured.
  const late = await memory();
  const sum = (of: (upstream: Upstream) => number) => upstreams.reduce((total, upstream) => total + of(upstream), 0);
  return {
    exchanges,
    connections: listener.connections,
    active: listener.active,
    upstreamActive: sum((upstream) => upstream.active),
    upgraded: sum((upstream) => upstream.upgraded),
    pooled: sum((upstream) => upstream.pool.open),
    watched: processDeadlines.size - watchedBefore,
    sockets: openSockets(),
    memory: { early, late },
  };
}

if (process.argv[1]?.endsWith('soak.ts')) {
  const minutes = Number(process.argv[2] ?? 10);
  const remains = await soak(minutes * 60_000);
  console.log(remains);
  const { exchanges: _, memory: used, ...counts } = remains;
  const failed = Object.values(counts).some((count) => count !== 0) || used.late > used.early * 1.3 + 8 * 1024 * 1024;
  console.log(failed ? 'FAILED: a count is not 0, or memory has grown' : 'passed: all counts are 0, and memory has not grown');
  process.exitCode = failed ? 1 : 0;
}
