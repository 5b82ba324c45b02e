import type { FailureReport } from '../../src/balancer/feedback.ts';
import { ServerPool } from '../../src/balancer/server-pool.ts';
import type { TableEnvironment } from '../../src/balancer/table.ts';
import type { Upstream } from '../../src/proxy/upstream.ts';
import { FakeClock } from '../tools/fake-clock.ts';
import { FakeExchange } from '../tools/fake-exchange.ts';
import { keptLogger } from '../tools/fake-logger.ts';
import { seeded } from '../tools/seeded-random.ts';

const exchange = new FakeExchange('GET', '/');

/** The pool of an environment, with what it reports, and ways to look at its choice. */
export function poolUnderTest(environment: TableEnvironment) {
  const clock = new FakeClock();
  const { logger, lines } = keptLogger();
  const suspects: string[] = [];
  const reports: FailureReport[] = [];
  const pool = new ServerPool(environment, {
    clock,
    logger,
    random: seeded(),
    suspect: (name, id) => suspects.push(`${name}/${id}`),
    report: (report) => reports.push(report),
  });
  const pick = (tried: Upstream[] = []) => pool.pick(exchange, tried);
  /** Ids of the servers that get requests, sorted. */
  const picked = (count = 60) => [...new Set(Array.from({ length: count }, () => pick()?.id ?? 'none'))].sort().join(' ');
  /** The upstream of a server, found by picking. */
  const find = (id: string) => {
    for (let attempt = 0; attempt < 100; attempt++) {
      const upstream = pick();
      if (upstream?.id === id) return upstream;
    }
    throw new Error(`${id} is never picked`);
  };
  const live = (id: string) => pool.serverNamed(id);
  return { clock, lines, suspects, reports, pool, pick, picked, find, live };
}
