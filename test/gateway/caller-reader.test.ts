import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { CallerDirectory } from '../../src/gateway/caller-directory.ts';
import { CallerFiles } from '../../src/gateway/caller-files.ts';
import { CallerReader } from '../../src/gateway/caller-reader.ts';
import { textHash } from '../../src/model/caller-tree.ts';
import { SluiceError } from '../../src/model/fault.ts';
import type { Callers, LostCallers, Registry } from '../../src/registry/contract.ts';
import { openRegistry } from '../../src/registry/open-registry.ts';
import { eventually } from '../tools/eventually.ts';
import { FakeClock } from '../tools/fake-clock.ts';
import { keptLogger, silentLogger } from '../tools/fake-logger.ts';
import { ownFolder } from '../tools/own-folder.ts';
import { projectOf } from './samples.ts';
import { world } from './world.ts';

/** A registry whose parts are counted as they are read, and which can be away. */
async function countedRegistry(t: Test) {
  const registry = await openRegistry({ url: `embedded:${ownFolder(t)}`, logger: silentLogger });
  t.teardown(() => registry.close());
  const state = { read: [] as string[], error: undefined as SluiceError | undefined };
  const must = () => {
    if (state.error !== undefined) throw state.error;
  };
  const callers: Callers = {
    async id() {
      must();
      return registry.callers.id();
    },
    async parts(wanted) {
      must();
      state.read.push(...wanted);
      return registry.callers.parts(wanted);
    },
  };
  const rules = registry.consumers as NonNullable<Registry['consumers']>;
  return { state, rules, registry: { callers, watch: registry.watch } };
}

function reading(t: Test, registry: { callers: Callers; watch: Registry['watch'] }, folder = ownFolder(t)) {
  const clock = new FakeClock();
  const directory = new CallerDirectory(clock);
  const { logger, lines } = keptLogger();
  const files = new CallerFiles(folder, logger);
  const reader = new CallerReader({ ...{ registry, directory, files, clock, logger }, id: 'a', everyMs: 1000, random: () => 0.5 });
  t.teardown(async () => {
    reader.stop();
    await files.settled();
  });
  /** Lets time pass until the condition holds. */
  const until = async (holds: () => boolean, what: string) => {
    const pass = () => clock.pass(50).then(holds);
    await eventually(pass, (held) => held, { what });
  };
  const knows = async (key: string, consumer: string | undefined) => {
    const digest = Buffer.from(textHash(key), 'hex').toString('latin1');
    await until(() => directory.byKey(digest)?.consumer === consumer, `${key} to be a key of ${consumer}`);
  };
  return { clock, directory, files, folder, lines, reader, until, knows };
}

t.test('a change is read at the cost of what changed, and is there after a restart without the registry', async (t) => {
  const { registry, rules, state } = await countedRegistry(t);
  await rules.putProduct('gold', { projects: ['shop'] });
  const keys = (key: string) => ({ keys: [{ id: 'k', sha256: textHash(key) }] });
  await Promise.all(Array.from({ length: 200 }, (_, index) => rules.putConsumer(`c-${index}`, keys(`key-${index}`))));
  const one = reading(t, registry);
  await one.reader.load();
  t.notOk(one.directory.known);
  one.reader.start();
  await one.reader.firstRead;
  t.ok(one.directory.known && one.directory.demanding);
  t.equal(one.directory.size.consumers, 200);
  await one.files.settled();

  state.read = [];
  await rules.putConsumer('c-7', { keys: [{ id: 'next', sha256: textHash('next-7') }], products: ['gold'] });
  await one.knows('next-7', 'c-7');
  await one.knows('key-7', undefined);
  t.equal(state.read.length, 4, `${state.read}`);
  t.same([one.directory.productFor('shop', 'c-7')?.name, one.directory.productFor('shop', 'c-8')], ['gold', null]);
  await one.files.settled();
  await rules.deleteConsumer('c-8');
  await one.knows('key-8', undefined);
  await one.files.settled();

  // The registry is away.
  state.error = new SluiceError('unavailable', 'the registry is away');
  const [damaged] = readdirSync(join(one.folder, 'callers')).filter((file) => /^[0-9a-f]{3}/.test(file));
  const two = reading(t, registry, one.folder);
  await two.reader.load();
  two.reader.start();
  await two.reader.firstRead;
  t.ok(two.directory.known);
  t.equal(two.directory.size.consumers, 199);
  await two.knows('next-7', 'c-7');
  t.equal(two.directory.productFor('shop', 'c-7')?.name, 'gold');
  t.match(
    two.lines.filter(({ level }) => level >= 40).map(({ reason }) => reason),
    ['the registry is away'],
  );
  two.reader.stop();
  await two.files.settled();

  // It is back: what was on disk is not read again, except for a file that was damaged meanwhile.
  writeFileSync(join(one.folder, 'callers', damaged ?? ''), 'damaged\n');
  state.error = undefined;
  state.read = [];
  const three = reading(t, registry, one.folder);
  await three.reader.load();
  three.reader.start();
  await three.reader.firstRead;
  t.equal(three.directory.size.consumers, 199);
  t.equal(state.read.length, 4, `${state.read}`);
});

t.test('an older balancer, and a registry that has lost its consumers, change nothing that is known', async (t) => {
  const { registry, rules, state } = await countedRegistry(t);
  await rules.putConsumer('anna', { keys: [{ id: 'k', sha256: textHash('one') }] });
  const under = reading(t, registry);
  under.reader.start();
  await under.knows('one', 'anna');
  const { callers } = registry;
  registry.callers = { id: async () => ({ epoch: 'another' }), parts: callers.parts };
  const lost = /has no consumers and no products any more/;
  const logged = (text: RegExp) => under.until(() => under.lines.some(({ msg, reason }) => text.test(`${msg} ${reason}`)), `${text}`);
  await logged(lost);
  await under.knows('one', 'anna');
  registry.callers = callers;
  state.error = new SluiceError('invalid', 'the registration endpoint has no such method');
  await logged(/older version/);
  await under.knows('one', 'anna');
  state.error = undefined;
  await rules.deleteConsumer('anna');
  await under.knows('one', undefined);
});

t.test('a server offers what it knows to a registry that has lost its data, unless a balancer does so first', async (t) => {
  const { registry, rules } = await countedRegistry(t);
  await rules.putProduct('gold', { projects: ['shop'] });
  await rules.putConsumer('anna', { keys: [{ id: 'k', sha256: textHash('one') }], products: ['gold'] });
  const under = reading(t, registry);
  under.reader.start();
  await under.knows('one', 'anna');
  under.reader.stop();
  await under.files.settled();

  const emptied = await openRegistry({ url: `embedded:${ownFolder(t)}`, logger: silentLogger });
  t.teardown(() => emptied.close());
  const offered: LostCallers[] = [];
  const restore = async (lost: LostCallers) => {
    offered.push(lost);
    return (await emptied.callers.restore?.(lost)) ?? false;
  };
  const state = { callers: registry.callers };
  const switched = {
    watch: registry.watch,
    callers: { id: () => state.callers.id(), parts: (wanted: string[]) => state.callers.parts(wanted), restore },
  };
  const restarted = reading(t, switched as never, under.folder);
  const running = reading(t, switched as never);
  await restarted.reader.load();
  running.reader.start();
  await running.knows('one', 'anna');
  state.callers = emptied.callers;
  restarted.reader.start();
  const looks = (count: number) => Promise.all([restarted, running].map(({ clock }) => clock.pass(count * 1500)));
  await looks(3);
  t.equal(offered.length, 0, 'balancers come first');
  await running.until(() => running.lines.some(({ msg }) => /written back/.test(String(msg))), 'the offer');
  await looks(3);
  t.same(
    offered.map(({ epoch }) => epoch),
    [(await registry.callers.id()).epoch],
    'once, by the server that has known that registry since its start',
  );
  t.match(await emptied.consumers?.consumer('anna'), { keys: [{ id: 'k', sha256: textHash('one') }], products: ['gold'] });
  await emptied.consumers?.removeKey('anna', 'k');
  for (const one of [restarted, running]) await one.knows('one', undefined);
});

t.test('what is deployed waits for the consumers as they are then, but not for ever', async (t) => {
  const { registry, rules, state } = await countedRegistry(t);
  const { reader, directory, until } = reading(t, registry);
  const settled = async () => {
    let outcome: unknown;
    void reader.upToDate().then(
      () => (outcome = 'read'),
      (error: SluiceError) => (outcome = error.code),
    );
    await until(() => outcome !== undefined, 'the read to end');
    return outcome;
  };
  await rules.putConsumer('anna', {});
  reader.start();
  t.equal(await settled(), 'read');
  t.notOk(directory.demanding);
  await rules.putProduct('gold', { projects: ['shop'] });
  t.equal(await settled(), 'read');
  t.ok(directory.demanding, 'before its project is served');
  state.error = new SluiceError('unavailable', 'the registry is away');
  const outcomes: unknown[] = [];
  while (!outcomes.includes('read') && outcomes.length < 10) outcomes.push(await settled());
  t.ok(outcomes.length > 1 && outcomes.length <= 5, `${outcomes}`);
  t.equal(outcomes[0], 'unavailable');
});

t.test('what is deployed is applied after the consumers that can call it were read, which is tried again', async (t) => {
  const { registry, server, until, lines } = await world(t);
  await registry.pushProject(projectOf({ name: 'shop' }));
  let failing = true;
  const asked: number[] = [];
  const upToDate = async () => {
    asked.push(applier.table?.projects.length ?? 0);
    if (failing) throw new SluiceError('unavailable', 'consumers are away');
  };
  const { leaseKeeper, applier } = server('s1', { environment: 'one', callers: { start: () => {}, upToDate } });
  leaseKeeper.start();
  await registry.deploy('one', 'shop');
  await until('asked again', () => asked.length > 2);
  t.same([...new Set(asked)], [0], 'not applied without them');
  t.equal(lines.filter(({ reason }) => reason === 'consumers are away').length, 1, 'logged once');
  failing = false;
  await until('applied', () => applier.table?.projects.length === 1);
});
