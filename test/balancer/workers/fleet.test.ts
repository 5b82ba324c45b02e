import type { ChildProcess } from 'node:child_process';
import { EventEmitter } from 'node:events';
import t from 'tap';
import { Fleet } from '../../../src/balancer/workers/fleet.ts';
import type { FromWorker, ToWorker } from '../../../src/balancer/workers/messages.ts';
import { noWorkerCounts } from '../../../src/balancer/workers/worker-counts.ts';
import type { WorkerProcess } from '../../../src/balancer/workers/worker-process.ts';
import { FakeClock, settle } from '../../tools/fake-clock.ts';
import { keptLogger } from '../../tools/fake-logger.ts';

/** A child process that does what the test says. */
class FakeChild extends EventEmitter {
  readonly pid: number;
  connected = true;
  readonly told: ToWorker[] = [];
  killed = false;
  /** Whether it reads what it is told. */
  reads = true;
  #unread: (() => void)[] = [];

  constructor(pid: number) {
    super();
    this.pid = pid;
  }

  send(message: ToWorker, _handle: unknown, _options: unknown, sent: () => void): void {
    this.told.push(message);
    if (this.reads) sent();
    else this.#unread.push(sent);
  }

  readOn(): void {
    this.reads = true;
    for (const sent of this.#unread.splice(0)) sent();
  }

  says(message: FromWorker): void {
    this.emit('message', message);
  }

  kill(): void {
    this.killed = true;
    this.end(null, 'SIGKILL');
  }

  end(code: number | null, signal: string | null = null): void {
    this.connected = false;
    this.emit('exit', code, signal);
  }
}

function setUp(count: number) {
  const clock = new FakeClock();
  const { logger, lines } = keptLogger();
  const children: FakeChild[] = [];
  const gone: number[] = [];
  const spawn = (number: number) => {
    const child = new FakeChild(100 + number);
    children.push(child);
    return child as unknown as ChildProcess;
  };
  const owner = {
    tables: new Map([['production', 1]]),
    tell: (environment: string): ToWorker => ({
      kind: 'apply',
      table: { name: environment, version: owner.tables.get(environment) } as never,
    }),
    hear: () => {},
    greet: (worker: WorkerProcess) => worker.tellTable('production'),
    gone: (worker: WorkerProcess) => void gone.push(worker.number),
  };
  const fleet = new Fleet({ clock, logger, random: () => 0.5, spawn }, owner);
  fleet.resize(count);
  const child = (number: number) => children[number - 1] as FakeChild;
  return { clock, lines, children, child, gone, fleet, owner };
}

t.test('who dies is replaced: at once, and later and later if it dies again and again', async (t) => {
  const { clock, children, child, fleet, gone, lines } = setUp(2);
  t.equal(children.length, 2);
  child(1).end(null, 'SIGKILL');
  await clock.pass(0);
  t.equal(children.length, 3);
  t.strictSame(child(3).told, [{ kind: 'apply', table: { name: 'production', version: 1 } }], 'and told everything');
  t.strictSame(gone, [1]);
  t.match(lines.at(-1), { worker: 1, reason: 'SIGKILL', waitMs: 0 });
  for (const [number, waitMs] of [
    [3, 200],
    [4, 400],
    [5, 800],
  ] as const) {
    child(number).end(1);
    await clock.pass(waitMs - 1);
    t.equal(children.length, number);
    await clock.pass(1);
    t.equal(children.length, number + 1);
  }
  await clock.pass(10_000);
  child(6).says({ kind: 'ready' });
  child(6).end(1);
  await clock.pass(0);
  t.equal(children.length, 7, 'one that lived long is replaced at once');
  t.equal(fleet.living.size, 2);
});

t.test('a failure to start is an end like any other', async (t) => {
  const { clock, children, child } = setUp(1);
  Object.assign(child(1), { pid: undefined });
  child(1).emit('error', new Error('spawn EAGAIN'));
  await clock.pass(0);
  t.equal(children.length, 2);
});

t.test('a new worker is up before the old one is told to finish', async (t) => {
  const { clock, children, child, fleet } = setUp(2);
  for (const number of [1, 2]) child(number).says({ kind: 'ready' });
  const rolled = fleet.roll(3000);
  await settle();
  t.equal(children.length, 3, 'one at a time');
  t.notOk(child(1).told.some(({ kind }) => kind === 'drain'));
  child(3).says({ kind: 'ready' });
  await settle();
  t.strictSame(child(1).told.at(-1), { kind: 'drain', graceMs: 3000 });
  t.equal(children.length, 4);
  t.notOk(child(2).told.some(({ kind }) => kind === 'drain'));
  child(4).says({ kind: 'ready' });
  await rolled;
  t.match(child(2).told.at(-1), { kind: 'drain' });
  child(1).end(0);
  await clock.pass(20_000);
  t.ok(child(2).killed, 'whoever does not end in time is ended');
  t.equal(children.length, 4, 'and neither is replaced');
});

t.test('when the new worker does not come up, the old ones stay', async (t) => {
  const { children, child, fleet } = setUp(2);
  const rolled = fleet.roll(3000);
  await settle();
  child(3).end(1);
  await t.rejects(rolled, { message: 'a new worker does not come up (exit status 1): the present ones stay' });
  t.equal(children.length, 3);
  t.notOk([child(1), child(2)].some(({ told }) => told.some(({ kind }) => kind === 'drain')));
  const again = fleet.roll(3000);
  await settle();
  child(4).says({ kind: 'ready' });
  await settle();
  child(5).says({ kind: 'ready' });
  await again;
});

t.test('a worker that asks for relief gets a successor first', async (t) => {
  const { child, children, fleet } = setUp(2);
  const [first] = fleet.living;
  child(1).says({ kind: 'ready' });
  const relieved = fleet.relieve(first as WorkerProcess, 1000);
  await fleet.relieve(first as WorkerProcess, 1000);
  t.equal(children.length, 3, 'one, however often it asks');
  child(3).says({ kind: 'ready' });
  await relieved;
  t.match(child(1).told.at(-1), { kind: 'drain' });
  t.notOk(child(2).told.some(({ kind }) => kind === 'drain'));
});

t.test('more workers come at once, fewer finish first', async (t) => {
  const { children, child, fleet } = setUp(2);
  fleet.resize(4);
  t.equal(children.length, 4);
  for (const number of [1, 2, 3]) child(number).says({ kind: 'ready' });
  fleet.shrink(1, 500);
  t.strictSame(
    [1, 2, 3].map((number) => child(number).told.at(-1)?.kind),
    ['apply', 'drain', 'drain'],
  );
  t.ok(child(4).killed, 'one that is still starting has nothing to finish');
  child(3).end(0);
  await settle();
  t.equal(children.length, 4);
});

t.test('a worker that says nothing for long is killed and replaced; one that sleeps with the whole machine is not', async (t) => {
  const { clock, children, child } = setUp(2);
  for (let second = 0; second < 25; second++) {
    child(2).says({ kind: 'counts', counts: noWorkerCounts, dropped: 0, cpuMs: 0 });
    await clock.pass(1000);
  }
  t.ok(child(1).killed);
  t.notOk(child(2).killed);
  t.equal(children.length, 3);
});

t.test('to a worker that does not read, only the names of changed environments wait', async (t) => {
  const { child, fleet, owner } = setUp(1);
  const [worker] = fleet.living;
  child(1).reads = false;
  for (let version = 2; version <= 50; version++) {
    owner.tables.set('production', version);
    worker?.tellTable('production');
  }
  worker?.tell({ kind: 'settle' });
  worker?.tellTable('production');
  child(1).readOn();
  t.strictSame(
    child(1).told.map((message) => (message.kind === 'apply' ? (message.table as unknown as { version: number }).version : message.kind)),
    [1, 2, 50, 'settle'],
    'the one under way, then the newest, in order',
  );
});

t.test('stop: all are told to finish, nobody is replaced', async (t) => {
  const { clock, children, child, fleet } = setUp(2);
  child(2).says({ kind: 'ready' });
  child(1).end(1);
  const stopped = fleet.stop(0);
  t.match(child(2).told.at(-1), { kind: 'drain', graceMs: 0 });
  child(2).end(0);
  await stopped;
  await clock.pass(60_000);
  t.equal(children.length, 2);
});
