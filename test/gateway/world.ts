import { join } from 'node:path';
import type { Test } from 'tap';
import { LeaseKeeper, type LeaseKeeperOptions } from '../../src/gateway/lease-keeper.ts';
import { SnapshotApplier } from '../../src/gateway/snapshot-applier.ts';
import { SnapshotStore } from '../../src/gateway/snapshot-store.ts';
import { SluiceError } from '../../src/model/fault.ts';
import type { Registry } from '../../src/registry/contract.ts';
import { openRegistry } from '../../src/registry/open-registry.ts';
import { FakeClock } from '../tools/fake-clock.ts';
import { keptLogger, silentLogger } from '../tools/fake-logger.ts';
import { ownFolder } from '../tools/own-folder.ts';

/** A real registry behind a switch, with a list of the calls to it. */
export interface Switched {
  readonly registry: Registry;
  readonly calls: { method: string; answer: unknown }[];
  mode: 'up' | 'down' | 'hanging';
  /** The registry behind the switch. */
  real: Registry;
}

const recorded = ['join', 'renew', 'leave', 'server', 'restore'];

/** @param subscribed delays the subscription's `ready` until it resolves */
function switched(real: Registry, subscribed: Promise<void> | undefined): Switched {
  const state: Switched = {
    calls: [],
    mode: 'up',
    real,
    registry: new Proxy(real, {
      get(_, key) {
        const target = state.real;
        const member = Reflect.get(target, key, target);
        if (typeof member !== 'function') return member;
        if (key === 'watch' && subscribed !== undefined)
          return (listener: Parameters<Registry['watch']>[0]) => {
            const watch = target.watch(listener);
            return { ready: subscribed, close: () => watch.close() };
          };
        if (!recorded.includes(String(key))) return member.bind(target);
        return async (...given: unknown[]) => {
          const call: Switched['calls'][number] = { method: String(key), answer: undefined };
          state.calls.push(call);
          if (state.mode === 'down') throw new SluiceError('unavailable', 'the registry is switched off');
          if (state.mode === 'hanging') return new Promise(() => {});
          call.answer = await member.apply(target, given);
          return call.answer;
        };
      },
    }),
  };
  return state;
}

/** Calls that real registries work on, which takes time that a fake clock does not know. */
class Work {
  #calls = 0;

  /** Resolves when the registries work on nothing. */
  async ended(): Promise<void> {
    while (this.#calls > 0) await new Promise((resolve) => setImmediate(resolve));
  }

  /** The same registry, all of whose calls count. */
  of(registry: Registry): Registry {
    return new Proxy(registry, {
      get: (target, key) => {
        const member = Reflect.get(target, key, target);
        if (typeof member !== 'function') return member;
        return (...given: unknown[]) => this.#count(member.apply(target, given));
      },
    });
  }

  #count(result: unknown): unknown {
    if (!(result instanceof Promise)) return result;
    this.#calls++;
    return result.finally(() => {
      this.#calls--;
    });
  }
}

/** A real embedded registry with the environments `one` and `two`, and a clock that runs only while `until` or `clock.pass` waits. */
export async function world(t: Test) {
  const started: { leaseKeeper: LeaseKeeper; store: SnapshotStore; access: Switched }[] = [];
  const folder = ownFolder(t);
  t.teardown(async () => {
    for (const { leaseKeeper } of started) await leaseKeeper.leave();
    for (const { store } of started) await store.settled();
    for (const each of [registry, ...others]) await each.close();
  });
  const clock = new FakeClock();
  const { logger, lines } = keptLogger();
  const work = new Work();
  const open = async (name: string) => {
    const opened = work.of(await openRegistry({ url: `embedded:${join(folder, name)}`, logger: silentLogger, clock, random: () => 0.5 }));
    for (const environment of ['one', 'two']) await opened.putEnvironment(environment, {});
    return opened;
  };
  const registry = await open('registry');
  const others: Registry[] = [];
  /** Opens another registry, in which nothing was ever deployed. */
  const another = async (name: string) => {
    const opened = await open(name);
    others.push(opened);
    return opened;
  };

  const server = (
    id: string,
    options: {
      environment?: string;
      ttl?: number;
      graceMs?: number;
      instance?: string;
      subscribed?: Promise<void>;
      secret?: string;
      callers?: LeaseKeeperOptions['callers'];
    } = {},
  ) => {
    const access = switched(registry, options.subscribed);
    const { environment, ttl = 600_000, graceMs = 600_000, instance = `${id}-1`, secret = `the-secret-of-${instance}` } = options;
    const store = new SnapshotStore(join(folder, `${id}-data`), logger);
    const applier = new SnapshotApplier({ random: () => 0, logger, clock, read: (hash) => store.readInPieces(hash) });
    const load = { connections: 0, active: 0, requests: 0 };
    const state = { lameDuck: false };
    const self = { id, instance, address: '127.0.0.1:7001', version: '0', startedAt: 0, ttl, secret, ...(environment && { environment }) };
    const onDraining = (draining: boolean) => {
      state.lameDuck = draining;
    };
    const leaseKeeper = new LeaseKeeper({
      registry: access.registry,
      self,
      applier,
      store,
      load,
      callers: options.callers,
      onDraining,
      graceMs,
      clock,
      random: () => 0.5,
      logger,
    });
    started.push({ leaseKeeper, store, access });
    return { access, applier, store, load, state, leaseKeeper, record: () => registry.server(id) };
  };

  /**
   * Moves the clock in steps of 5 ms until `holds`; fails after 250 s of the clock, with the last result. The clock stands still while the real
   * registry works, so that a slow disk is not taken for a registry that does not answer.
   */
  const until = async (what: string, holds: () => unknown) => {
    let last: unknown;
    for (let round = 0; round < 50_000; round++) {
      last = await holds();
      if (last) return;
      await work.ended();
      await clock.pass(5);
    }
    throw new Error(`never happened: ${what}; last seen: ${JSON.stringify(last)}`);
  };
  return { registry, another, clock, lines, server, until, folder };
}
