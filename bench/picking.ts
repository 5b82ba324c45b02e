import { pickers } from '../src/balance/index.ts';
import { PeakEwma } from '../src/balance/peak-ewma.ts';
import type { BalanceName } from '../src/model/environment.ts';
import { Upstream } from '../src/proxy/upstream.ts';
import { nanoseconds } from './nanoseconds.ts';

export const serverCounts = [3, 30, 300, 1000] as const;

/** Exchanges in flight during the measurement. */
const inFlight = 64;

/** Measures the nanoseconds of picking a server, beginning an exchange on it and ending the oldest exchange, by algorithm, for each number of servers. */
export function measurePicking(): ReadonlyMap<string, readonly number[]> {
  const names = Object.keys(pickers) as BalanceName[];
  return new Map(names.map((name) => [name, serverCounts.map((count) => costOf(name, count))]));
}

function costOf(name: BalanceName, count: number): number {
  const servers = Array.from({ length: count }, (_, index) => new Upstream({ id: `server-${index}`, host: '127.0.0.1', port: 1 + index }));
  for (const server of servers) {
    if (name !== 'ewma') continue;
    server.latency = new PeakEwma();
    server.latency.observe(1 + Math.random(), performance.now());
  }
  const picker = pickers[name](servers, Math.random);
  const busy: (Upstream | undefined)[] = Array.from({ length: inFlight });
  let turn = 0;
  return nanoseconds(() => {
    turn++;
    const server = picker.pick(Math.imul(turn, 0x9e3779b1) >>> 0, []);
    if (server === undefined) throw new Error(`${name} picked no server`);
    server.active++;
    const oldest = busy[turn % inFlight];
    if (oldest) oldest.active--;
    busy[turn % inFlight] = server;
  });
}
