import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import { connect } from 'node:net';
import t, { test } from 'tap';
import { deployEcho, startTarget } from '../tools/echo.ts';
import { eventually } from '../tools/eventually.ts';
import { listening } from '../tools/listening.ts';
import { Load, type LoadCounts } from '../tools/load.ts';
import type { Owner } from '../tools/owner.ts';
import type { LogLine } from '../tools/sluice-process.ts';
import { type BalancerUnderTest, current, serving, startBalancer, startGateway, testEnvironment } from '../tools/sluice-under-test.ts';

// Side by side: each test has processes of its own, and waits most of the time.
t.jobs = 2;

const isReady = (line: LogLine) => line.msg === 'worker ready';

/** Resolves with the process ids of the workers in their order of start, once `count` have started. */
async function workers(balancer: BalancerUnderTest, count: number): Promise<number[]> {
  const pids = () => balancer.process.log.filter(isReady).map((line) => Number(line['pid']));
  await balancer.process.logged(() => pids().length >= count);
  return pids();
}

/** Number of requests that the balancer has counted for all servers. */
async function counted(balancer: BalancerUnderTest): Promise<number> {
  const servers = (await balancer.api('GET', '/v1/servers')) as { requests: number }[];
  return servers.reduce((sum, { requests }) => sum + requests, 0);
}

/** Starts a balancer with two workers, and gateway `a` with the echo project. */
async function startEcho(t: Owner, settings: Record<string, unknown> = {}) {
  const target = await startTarget(t);
  const balancer = await startBalancer(t, { workers: 2, ...settings });
  const pids = await workers(balancer, 2);
  await startGateway(t, 'a', balancer.control);
  await deployEcho(balancer, target.url);
  await serving(balancer, ['a']);
  await current(balancer, 1);
  return { target, balancer, pids };
}

/** Sends a load to each worker alone, in turn: SIGSTOP holds the others. */
async function aloneInTurn(pids: readonly number[], address: string, answers = 40): Promise<LoadCounts[]> {
  const counts: LoadCounts[] = [];
  for (const pid of pids) {
    const others = pids.filter((other) => other !== pid);
    for (const other of others) process.kill(other, 'SIGSTOP');
    const load = new Load(address, '/echo/');
    await load.more(answers);
    counts.push(await load.stop());
    for (const other of others) process.kill(other, 'SIGCONT');
  }
  return counts;
}

/** True if connections to the address are refused. */
async function isRefused(address: string): Promise<boolean> {
  const [host, port] = address.split(':');
  const socket = connect(Number(port), host);
  const outcome = await new Promise((resolve) => socket.once('connect', resolve).once('error', resolve));
  socket.destroy();
  return (outcome as NodeJS.ErrnoException | undefined)?.code === 'ECONNREFUSED';
}

function isGone(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return false;
  } catch {
    return true;
  }
}

/** A target that holds its answers until `open`. `asked` resolves when so many requests wait. */
async function startGate(t: Owner): Promise<{ address: string; asked(requests: number): Promise<void>; open(): void }> {
  const waiting: ServerResponse[] = [];
  const server = createServer((_request, response) => waiting.push(response));
  return {
    address: await listening(t, server),
    async asked(requests) {
      await eventually(
        () => waiting.length,
        (count) => count >= requests,
      );
    },
    open() {
      for (const response of waiting.splice(0)) response.end('late');
    },
  };
}

/** An environment with one server and no health checks. */
function only(address: string): Record<string, Record<string, unknown>> {
  return { production: { listen: '127.0.0.1:0', health: 'off', servers: [{ id: 's', address }] } };
}

test('every worker learns of every join, deploy and leave; counters add up; log lines stay whole', async (t) => {
  const { target, balancer, pids } = await startEcho(t, { accessLog: true });
  const first = await aloneInTurn(pids, balancer.address);
  for (const { by } of first) t.strictSame([...by.keys()], ['a']);

  const b = await startGateway(t, 'b', balancer.control);
  await serving(balancer, ['a', 'b']);
  await deployEcho(balancer, target.url, '2');
  await current(balancer, 2);
  const second = await aloneInTurn(pids, balancer.address);
  for (const { by, revisions } of second) {
    t.strictSame([...by.keys()].sort(), ['a', 'b'], 'each worker uses both servers');
    t.strictSame([...revisions.keys()], ['2']);
  }

  b.signal('SIGTERM');
  t.equal(await b.ended(), 0);
  const third = await aloneInTurn(pids, balancer.address);
  for (const { by } of third) t.strictSame([...by.keys()], ['a'], 'no worker uses the server that has left');

  const all = [...first, ...second, ...third];
  t.strictSame(
    all.flatMap(({ wrong }) => wrong),
    [],
  );
  const toA = all.reduce((sum, { by }) => sum + (by.get('a') ?? 0), 0);
  t.equal(
    await eventually(
      () => counted(balancer),
      (requests) => requests >= toA,
    ),
    toA,
    'as many as were sent to the remaining server',
  );

  balancer.process.signal('SIGTERM');
  t.equal(await balancer.process.ended(), 0);
  const lines = balancer.process.stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as LogLine);
  const sent = all.reduce((sum, { sent }) => sum + sent, 0);
  t.equal(lines.length, sent, 'one access log line a request');
  t.strictSame([...new Set(lines.map((line) => line['worker']))].sort(), [1, 2]);
  t.ok(pids.every(isGone));
});

test('a server that fails repeatedly on one worker is ejected on all workers', async (t) => {
  const [good, bad] = [createServer((_, response) => response.end()), createServer((_, response) => response.writeHead(500).end())];
  const servers = [
    { id: 'good', address: await listening(t, good) },
    { id: 'bad', address: await listening(t, bad) },
  ];
  const balancer = await startBalancer(t, { workers: 2 }, { production: { ...testEnvironment, health: 'off', servers } });
  const [first, second] = (await workers(balancer, 2)) as [number, number];
  const ask = async () => (await fetch(`http://${balancer.address}/`, { headers: { connection: 'close' } })).status;

  process.kill(second, 'SIGSTOP');
  let failed = 0;
  await eventually(
    async () => {
      if ((await ask()) === 500) failed++;
      return (await balancer.api('GET', '/v1/servers')) as { id: string; health: string }[];
    },
    (all) => all.find(({ id }) => id === 'bad')?.health === 'ejected',
  );
  t.ok(failed >= 5, 'after 5 consecutive failures');
  process.kill(first, 'SIGSTOP');
  process.kill(second, 'SIGCONT');
  for (let request = 0; request < 20; request++) t.equal(await ask(), 200, 'the other worker never tries the ejected server');

  process.kill(first, 'SIGCONT');
  balancer.process.signal('SIGUSR2');
  const pids = await workers(balancer, 4);
  await eventually(
    async () => isGone(first) && isGone(second),
    (gone) => gone,
  );
  t.equal(pids.length, 4);
  for (let request = 0; request < 20; request++) t.equal(await ask(), 200, 'nor does a worker that starts later');
});

test('a worker killed under load loses only its requests in flight, and is replaced; all workers end when the main process is killed', async (t) => {
  const { balancer, pids } = await startEcho(t);
  const clients = 8;
  const load = new Load(balancer.address, '/echo/', { clients });
  let least = 0;
  for (let round = 0; round < 2; round++) {
    await load.more(300);
    const before = await counted(balancer);
    t.ok(before >= least, 'no counter decreases');
    const wrong = load.counts.wrong.length;
    process.kill(pids[round] as number, 'SIGKILL');
    await balancer.process.logged((line) => /is replaced/.test(line.msg ?? '') && line['pid'] === pids[round]);
    least = await counted(balancer);
    t.ok(least >= before, 'the counts of the dead worker are kept');
    pids.push((await workers(balancer, 3 + round)).at(-1) as number);
    await load.more(300);
    t.ok(load.counts.wrong.length - wrong <= clients, `at most one request a connection is lost: ${load.counts.wrong.length - wrong}`);
  }
  const { wrong, sent } = await load.stop();
  t.comment(`${wrong.length} of ${sent} requests lost by two kills`);
  t.ok(
    wrong.every((line) => /ECONNRESET|socket hang up|broke off/.test(line)),
    wrong.join('\n'),
  );
  const after = new Load(balancer.address, '/echo/');
  await after.more(100);
  t.strictSame((await after.stop()).wrong, []);

  balancer.process.signal('SIGKILL');
  await eventually(
    async () => pids.every(isGone),
    (gone) => gone,
  );
  const successor = createServer();
  const [host, port] = balancer.address.split(':');
  successor.listen(Number(port), host);
  await once(successor, 'listening');
  successor.close();
});

test('SIGUSR2 replaces all workers, SIGTERM to a worker replaces that one: under load, no request is lost', async (t) => {
  const { balancer, pids } = await startEcho(t);
  const load = new Load(balancer.address, '/echo/');
  await load.more(300);
  balancer.process.signal('SIGUSR2');
  const all = await workers(balancer, 4);
  await eventually(
    async () => pids.every(isGone),
    (gone) => gone,
  );
  await load.more(300);
  process.kill(all[3] as number, 'SIGTERM');
  await workers(balancer, 5);
  await eventually(
    async () => isGone(all[3] as number),
    (gone) => gone,
  );
  await load.more(300);
  const { wrong, sent } = await load.stop();
  t.strictSame(wrong, [], `none of ${sent} requests failed`);
  t.notOk(
    balancer.process.log.some((line) => /by itself/.test(line.msg ?? '')),
    'no worker died by itself',
  );

  balancer.process.signal('SIGTERM');
  t.equal(await balancer.process.ended(), 0);
  t.ok(all.every(isGone));
});

test('the port stays open while the only worker is replaced; a second signal ends all processes at once', async (t) => {
  const gate = await startGate(t);
  const balancer = await startBalancer(t, { workers: 1 }, only(gate.address));
  const [first] = await workers(balancer, 1);
  process.kill(first as number, 'SIGKILL');
  const meanwhile = await fetch(`http://${balancer.address}/.sluice/ready`);
  t.equal(meanwhile.status, 404, 'the next worker answers a client that connected meanwhile');
  const pids = await workers(balancer, 2);
  const hanging = fetch(`http://${balancer.address}/`);
  hanging.catch(() => {});
  await gate.asked(1);
  balancer.process.signal('SIGTERM');
  await balancer.process.logged((line) => /^draining/.test(line.msg ?? ''));
  balancer.process.signal('SIGTERM');
  t.equal(await balancer.process.ended(), 1);
  await eventually(
    async () => pids.every(isGone),
    (gone) => gone,
  );
  await t.rejects(hanging);
});

test('after SIGTERM, every worker finishes its requests in flight, then all end', async (t) => {
  const gate = await startGate(t);
  const balancer = await startBalancer(t, { workers: 2 }, only(gate.address));
  const pids = await workers(balancer, 2);
  const inFlight: Promise<Response>[] = [];
  for (const pid of pids) {
    const others = pids.filter((other) => other !== pid);
    for (const other of others) process.kill(other, 'SIGSTOP');
    for (let request = 0; request < 4; request++) inFlight.push(fetch(`http://${balancer.address}/${pid}`));
    await gate.asked(inFlight.length);
    for (const other of others) process.kill(other, 'SIGCONT');
  }
  balancer.process.signal('SIGTERM');
  await eventually(
    () => isRefused(balancer.address),
    (refused) => refused,
  );
  t.notOk(pids.some(isGone), 'all workers wait for their requests');
  gate.open();
  for (const answer of await Promise.all(inFlight)) t.equal(await answer.text(), 'late');
  t.equal(await balancer.process.ended(), 0);
  t.ok(pids.every(isGone));
});
