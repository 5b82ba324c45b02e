import type { ChildProcess } from 'node:child_process';
import { EventEmitter } from 'node:events';
import t from 'tap';
import { Fleet } from '../../../src/balancer/workers/fleet.ts';
import type { FromWorker, ToWorker } from '../../../src/balancer/workers/messages.ts';
import { noWorkerCounts } from '../../../src/balancer/workers/worker-counts.ts';
import type { WorkerProcess } from '../../../src/balancer/workers/worker-process.ts';
import { FakeClock, settle } from '../../tools/fake-clock.ts';
import { keptLogger } from '../../tools/fake-logger.ts';

/** A child process that the test controls. */
class FakeChild extends EventEmitter {
  readonly pid: number;
  connected = true;
  readonly received: ToWorker[] = [];
  killed = false;
  /** False: messages stay in the pipe. */
  reads = true;
  #unread: (() => void)[] = [];

  constructor(pid: number) {
    super();
    this.pid = pid;
  }

  send(message: ToWorker, _handle: unknown, _options: unknown, sent: () => void): void {
    this.received.push(message);
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
  const ended: number[] = [];
  const spawn = (number: number) => {
    const child = new FakeChild(100 + number);
    children.push(child);
    return child as unknown as ChildProcess;
  };
  const owner = {
    tables: new Map([['production', 1]]),
    tableMessage: (environment: string): ToWorker => ({
      kind: 'apply',
      table: { name: environment, version: owner.tables.get(environment) } as never,
    }),
    receive: () => {},
    initialize: (worker: WorkerProcess) => worker.sendTable('production'),
    ended: (worker: WorkerProcess) => void ended.push(worker.number),
  };
  const fleet = new Fleet({ clock, logger, random: () => 0.5, spawn }, owner);
  fleet.grow(count);
  const child = (number: number) => children[number - 1] as FakeChild;
  return { clock, lines, children, child, ended, fleet, owner };
}

t.test('a worker that dies is replaced at once; successors that die soon are replaced with growing back-off', async (t) => {
  const { clock, children, child, fleet, ended, lines } = setUp(2);
  t.equal(children.length, 2);
  child(1).end(null, 'SIGKILL');
  await clock.pass(0);
  t.equal(children.length, 3);
  t.strictSame(child(3).received, [{ kind: 'apply', table: { name: 'production', version: 1 } }], 'its successor gets the tables');
  t.strictSame(ended, [1]);
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
  t.equal(children.length, 7, 'a worker that lived long is replaced at once');
  t.equal(fleet.living.size, 2);
});

t.test('a worker that fails to start is replaced too', async (t) => {
  const { clock, children, child } = setUp(1);
  Object.assign(child(1), { pid: undefined });
  child(1).emit('error', new Error('spawn EAGAIN'));
  await clock.pass(0);
  t.equal(children.length, 2);
});

t.test('a new worker is ready before the old one drains', async (t) => {
  const { clock, children, child, fleet } = setUp(2);
  for (const number of [1, 2]) child(number).says({ kind: 'ready' });
  const rolled = fleet.replaceAll(3000);
  await settle();
  t.equal(children.length, 3, 'one at a time');
  t.notOk(child(1).received.some(({ kind }) => kind === 'drain'));
  child(3).says({ kind: 'ready' });
  await settle();
  t.strictSame(child(1).received.at(-1), { kind: 'drain', graceMs: 3000 });
  t.equal(children.length, 4);
  t.notOk(child(2).received.some(({ kind }) => kind === 'drain'));
  child(4).says({ kind: 'ready' });
  await rolled;
  t.match(child(2).received.at(-1), { kind: 'drain' });
  child(1).end(0);
  await clock.pass(20_000);
  t.ok(child(2).killed, 'a worker that does not end within its grace period is killed');
  t.equal(children.length, 4, 'drained workers are not replaced');
});

t.test('when the new worker does not start, the old workers stay', async (t) => {
  const { children, child, fleet } = setUp(2);
  const rolled = fleet.replaceAll(3000);
  await settle();
  child(3).end(1);
  await t.rejects(rolled, { message: 'a new worker did not start (exit status 1): the current workers stay' });
  t.equal(children.length, 3);
  t.notOk([child(1), child(2)].some(({ received }) => received.some(({ kind }) => kind === 'drain')));
  const again = fleet.replaceAll(3000);
  await settle();
  child(4).says({ kind: 'ready' });
  await settle();
  child(5).says({ kind: 'ready' });
  await again;
});

t.test('a worker that asks to be replaced drains after its successor is ready', async (t) => {
  const { child, children, fleet } = setUp(2);
  const [first] = fleet.living;
  child(1).says({ kind: 'ready' });
  const replaced = fleet.replace(first as WorkerProcess, 1000);
  await fleet.replace(first as WorkerProcess, 1000);
  t.equal(children.length, 3, 'one successor, however often it asks');
  child(3).says({ kind: 'ready' });
  await replaced;
  t.match(child(1).received.at(-1), { kind: 'drain' });
  t.notOk(child(2).received.some(({ kind }) => kind === 'drain'));
});

t.test('missing workers start at once, surplus workers drain', async (t) => {
  const { children, child, fleet } = setUp(2);
  fleet.grow(4);
  t.equal(children.length, 4);
  for (const number of [1, 2, 3]) child(number).says({ kind: 'ready' });
  fleet.shrink(1, 500);
  t.strictSame(
    [1, 2, 3].map((number) => child(number).received.at(-1)?.kind),
    ['apply', 'drain', 'drain'],
  );
  t.ok(child(4).killed, 'a worker that is still starting has no exchanges');
  child(3).end(0);
  await settle();
  t.equal(children.length, 4);
});

t.test('a worker that sends nothing for 20 ticks is killed and replaced', async (t) => {
  const { clock, children, child } = setUp(2);
  for (let second = 0; second < 25; second++) {
    child(2).says({ kind: 'counts', counts: noWorkerCounts, dropped: 0, cpuMs: 0 });
    await clock.pass(1000);
  }
  t.ok(child(1).killed);
  t.notOk(child(2).killed);
  t.equal(children.length, 3);
});

t.test('for a worker that does not read, only names of changed environments are queued', async (t) => {
  const { child, fleet, owner } = setUp(1);
  const [worker] = fleet.living;
  child(1).reads = false;
  for (let version = 2; version <= 50; version++) {
    owner.tables.set('production', version);
    worker?.sendTable('production');
  }
  worker?.send({ kind: 'settle' });
  worker?.sendTable('production');
  child(1).readOn();
  t.strictSame(
    child(1).received.map((message) =>
      message.kind === 'apply' ? (message.table as unknown as { version: number }).version : message.kind,
    ),
    [1, 2, 50, 'settle'],
    'the table being sent, then the newest ones, in order',
  );
});

t.test('stop drains all workers and replaces none', async (t) => {
  const { clock, children, child, fleet } = setUp(2);
  child(2).says({ kind: 'ready' });
  child(1).end(1);
  const stopped = fleet.stop(0);
  t.match(child(2).received.at(-1), { kind: 'drain', graceMs: 0 });
  child(2).end(0);
  await stopped;
  await clock.pass(60_000);
  t.equal(children.length, 2);
});
