import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'tap';
import { Load, type Tally } from './load.ts';
import type { LogLine, Owner } from './processes.ts';
import { type BalancerUnderTest, deployEcho, eventually, serving, startBalancer, startGateway, startTarget } from './system.ts';

const isReady = (line: LogLine) => line.msg === 'worker ready';

/** Process ids of the workers that came up, in that order, once there are so many. */
async function workers(balancer: BalancerUnderTest, count: number): Promise<number[]> {
  const pids = () => balancer.process.log.filter(isReady).map((line) => Number(line['pid']));
  await balancer.process.logged(() => pids().length >= count);
  return pids();
}

/** Requests that the balancer has counted, over all servers. */
async function counted(balancer: BalancerUnderTest): Promise<number> {
  const servers = (await balancer.api('GET', '/v1/servers')) as { requests: number }[];
  return servers.reduce((sum, { requests }) => sum + requests, 0);
}

/** What a load sees that only this worker can have answered, because the other one stands still. */
async function alone(pids: readonly number[], worker: number, address: string, answers = 40): Promise<Tally> {
  const others = pids.filter((pid) => pid !== worker);
  for (const pid of others) process.kill(pid, 'SIGSTOP');
  const load = new Load(address, '/echo/');
  await load.more(answers);
  const tally = await load.stop();
  for (const pid of others) process.kill(pid, 'SIGCONT');
  return tally;
}

function isGone(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return false;
  } catch {
    return true;
  }
}

/** A target that keeps its requests waiting for ever. */
async function startSilence(t: Owner): Promise<{ address: string; asked: Promise<unknown> }> {
  const server = createServer(() => {});
  const asked = once(server, 'request');
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => {
    server.closeAllConnections();
    server.close();
  });
  return { address: `127.0.0.1:${(server.address() as AddressInfo).port}`, asked };
}

test('every worker hears of every join, deploy and leave; counters add up; log lines stay whole', async (t) => {
  const target = await startTarget(t);
  const balancer = await startBalancer(t, { workers: 2, accessLog: true });
  const pids = await workers(balancer, 2);
  await startGateway(t, 'a', balancer.control);
  await deployEcho(balancer, target.url, '1');
  await serving(balancer, ['a']);
  const tallies: Tally[] = [];
  for (const pid of pids) tallies.push(await alone(pids, pid, balancer.address));
  for (const tally of tallies) t.strictSame([...tally.by.keys()], ['a']);

  const b = await startGateway(t, 'b', balancer.control);
  await serving(balancer, ['a', 'b']);
  await deployEcho(balancer, target.url, '2');
  await eventually(
    () => balancer.api('GET', '/v1/environments/production/deployments') as Promise<{ servers: { state: string }[] }>,
    ({ servers }) => servers.length === 2 && servers.every((server) => server.state === 'current'),
  );
  const both = await Promise.all([alone(pids, pids[0] as number, balancer.address)]);
  both.push(await alone(pids, pids[1] as number, balancer.address));
  for (const tally of both) {
    t.strictSame([...tally.by.keys()].sort(), ['a', 'b'], 'each worker uses both servers');
    t.strictSame([...tally.revisions.keys()], ['2']);
  }

  b.signal('SIGTERM');
  t.equal(await b.ended(), 0);
  for (const pid of pids) both.push(await alone(pids, pid, balancer.address));
  t.strictSame([...(both[2]?.by.keys() ?? []), ...(both[3]?.by.keys() ?? [])], ['a', 'a'], 'and none the one that has left');

  const all = [...tallies, ...both];
  t.strictSame(
    all.flatMap((tally) => tally.wrong),
    [],
  );
  const toA = all.reduce((sum, tally) => sum + (tally.by.get('a') ?? 0), 0);
  t.equal(await eventually(() => counted(balancer), (requests) => requests >= toA), toA, 'as many as were sent to the server that is left');

  const lines = balancer.process.log.filter((line) => line['log'] === 'access');
  const sent = all.reduce((sum, tally) => sum + tally.sent, 0);
  t.equal(lines.length, sent, 'one access line a request');
  t.strictSame([...new Set(lines.map((line) => line['worker']))].sort(), [1, 2]);
  t.ok(
    balancer.process.log.every((line) => 'time' in line),
    'no line is broken',
  );
  balancer.process.signal('SIGTERM');
  t.equal(await balancer.process.ended(), 0);
  t.ok(pids.every(isGone));
});

test('a worker killed under load costs what was in flight on it, and is replaced', async (t) => {
  const target = await startTarget(t);
  const balancer = await startBalancer(t, { workers: 2 });
  const pids = await workers(balancer, 2);
  await startGateway(t, 'a', balancer.control);
  await deployEcho(balancer, target.url);
  await serving(balancer, ['a']);
  const clients = 8;
  const load = new Load(balancer.address, '/echo/', { clients });
  let least = 0;
  for (let round = 0; round < 2; round++) {
    await load.more(300);
    const before = await counted(balancer);
    t.ok(before >= least, 'no counter goes backwards');
    const wrong = load.tally.wrong.length;
    process.kill(pids[round] as number, 'SIGKILL');
    await balancer.process.logged((line) => /is replaced/.test(line.msg ?? '') && line['pid'] === pids[round]);
    least = await counted(balancer);
    t.ok(least >= before, 'what the dead worker did stays counted');
    pids.push((await workers(balancer, 3 + round)).at(-1) as number);
    await load.more(300);
    t.ok(load.tally.wrong.length - wrong <= clients, `at most one request a connection: ${load.tally.wrong.length - wrong}`);
  }
  const { wrong, sent } = await load.stop();
  t.comment(`${wrong.length} of ${sent} requests lost by two kills`);
  t.ok(wrong.every((line) => /ECONNRESET|socket hang up|broke off/.test(line)), wrong.join('\n'));
  const after = new Load(balancer.address, '/echo/');
  await after.more(100);
  t.strictSame((await after.stop()).wrong, []);
});

test('the port stays open while the only worker is replaced', async (t) => {
  const silence = await startSilence(t);
  const balancer = await startBalancer(t, { workers: 1 }, { production: { listen: '127.0.0.1:0', health: 'off', servers: [{ id: 's', address: silence.address }] } });
  const [pid] = await workers(balancer, 1);
  process.kill(pid as number, 'SIGKILL');
  const answer = fetch(`http://${balancer.address}/.sluice/ready`);
  t.equal((await answer).status, 404, 'the next worker answers whoever came meanwhile');
});

test('SIGUSR2 puts new workers in the place of the old ones and loses nothing', async (t) => {
  const target = await startTarget(t);
  const balancer = await startBalancer(t, { workers: 2 });
  const pids = await workers(balancer, 2);
  await startGateway(t, 'a', balancer.control);
  await deployEcho(balancer, target.url);
  await serving(balancer, ['a']);
  const load = new Load(balancer.address, '/echo/');
  await load.more(300);
  balancer.process.signal('SIGUSR2');
  const all = await workers(balancer, 4);
  await eventually(async () => pids.every(isGone), (gone) => gone);
  await load.more(300);
  process.kill(all[3] as number, 'SIGTERM');
  await workers(balancer, 5);
  await eventually(async () => isGone(all[3] as number), (gone) => gone);
  await load.more(300);
  const { wrong, sent } = await load.stop();
  t.strictSame(wrong, [], `none of ${sent} requests failed`);
  t.notOk(
    balancer.process.log.some((line) => /by itself/.test(line.msg ?? '')),
    'nobody died',
  );
  balancer.process.signal('SIGTERM');
  t.equal(await balancer.process.ended(), 0);
});

test('SIGTERM under load: all drain, all end, nothing is lost', async (t) => {
  const target = await startTarget(t);
  const balancer = await startBalancer(t, { workers: 2 });
  const pids = await workers(balancer, 2);
  await startGateway(t, 'a', balancer.control);
  await deployEcho(balancer, target.url);
  await serving(balancer, ['a']);
  const load = new Load(balancer.address, '/echo/', { patient: true });
  await load.more(300);
  balancer.process.signal('SIGTERM');
  t.equal(await balancer.process.ended(), 0);
  t.ok(pids.every(isGone));
  t.strictSame((await load.stop()).wrong, []);
});

test('a second signal ends everybody at once', async (t) => {
  const silence = await startSilence(t);
  const balancer = await startBalancer(t, { workers: 2 }, { production: { listen: '127.0.0.1:0', health: 'off', servers: [{ id: 's', address: silence.address }] } });
  const pids = await workers(balancer, 2);
  const hanging = fetch(`http://${balancer.address}/`);
  hanging.catch(() => {});
  await silence.asked;
  balancer.process.signal('SIGTERM');
  await balancer.process.logged((line) => /^draining/.test(line.msg ?? ''));
  t.ok(balancer.process.running);
  balancer.process.signal('SIGTERM');
  t.equal(await balancer.process.ended(), 1);
  await eventually(async () => pids.every(isGone), (gone) => gone);
  await t.rejects(hanging);
});

test('when the first process is killed, the workers end and the port is free', async (t) => {
  const balancer = await startBalancer(t, { workers: 2 });
  const pids = await workers(balancer, 2);
  balancer.process.signal('SIGKILL');
  await eventually(async () => pids.every(isGone), (gone) => gone);
  const successor = createServer();
  const [host, port] = balancer.address.split(':');
  successor.listen(Number(port), host);
  await once(successor, 'listening');
  successor.close();
});
