import { Director } from '../../src/balancer/director.ts';
import type { TableEnvironment } from '../../src/balancer/table.ts';
import type { Probe, ProbeResult } from '../../src/health/probe.ts';
import type { LiveServer } from '../../src/model/live.ts';
import type { ServerIdentity } from '../../src/model/server-identity.ts';
import { FakeClock } from '../tools/fake-clock.ts';
import { keptLogger } from '../tools/fake-logger.ts';
import { FakeRegistry } from './fake-registry.ts';

const passed = { passed: true, status: 200 } as const;
const hung = { passed: false, failure: 'hung', reason: 'timed out after 1000 ms: connected, but no response' } as const;

/** Starts a director over a registry, checks and a clock that the test controls. */
export async function setUp(
  prepare: (registry: FakeRegistry) => void = () => {},
  own: readonly string[] = [],
  live: () => readonly LiveServer[] = () => [],
) {
  const clock = new FakeClock();
  const registry = new FakeRegistry();
  const { logger, lines } = keptLogger();
  prepare(registry);
  /** Addresses that fail their checks. */
  const failing = new Set<string>();
  /** Reasons that failing addresses give, instead of no response. */
  const reasons = new Map<string, string>();
  /** Addresses that were checked, in order. */
  const checked: string[] = [];
  /** Identities that servers state, by address; others state the registered one. */
  const answers = new Map<string, ServerIdentity>();
  const ask = ({ address, refuse }: Probe, _: unknown, done: (result: ProbeResult) => void) => {
    checked.push(address);
    const stated = answers.get(address) ?? { id: 'a', instance: 'a-1', environment: 'production' };
    const refused = refuse?.(stated);
    const well: ProbeResult = refuse === undefined ? passed : { ...passed, identity: stated };
    const result: ProbeResult = refused === undefined ? well : { passed: false, failure: 'other-server', reason: refused };
    const failed = { ...hung, reason: reasons.get(address) ?? hung.reason };
    queueMicrotask(() => done(failing.has(address) ? failed : result));
    return () => {};
  };
  const tables = new Map<string, TableEnvironment>();
  let applied = 0;
  const director = new Director(
    { registry, clock, logger, random: () => 0.5, ask, own, live },
    {
      apply(table) {
        applied++;
        tables.set(table.name, table);
      },
      remove: (name) => void tables.delete(name),
    },
  );
  const starting = director.start();
  await clock.pass(0);
  await starting;
  await clock.pass(10);
  const announce = async (name: string) => {
    registry.publish({ kind: 'server', name });
    await clock.pass(20);
  };
  /** The servers of a table: `id` in rotation and up, `id:health` in rotation but not up, `(id)` out of rotation. */
  const rotation = (name = 'production') =>
    tables
      .get(name)
      ?.servers.map(({ id, serving, health }) => (serving ? (health === 'up' ? id : `${id}:${health}`) : `(${id})`))
      .join(' ');
  return { clock, registry, lines, failing, reasons, checked, answers, director, tables, rotation, announce, applied: () => applied };
}
