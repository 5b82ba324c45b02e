import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import t, { test } from 'tap';
import type { ServerAnswer } from '../../src/api/answers.ts';
import { deployEcho, startTarget } from '../tools/echo.ts';
import { eventually } from '../tools/eventually.ts';
import { IdleClients } from '../tools/idle-clients.ts';
import { Load } from '../tools/load.ts';
import { Scrape } from '../tools/scrape.ts';
import { type BalancerUnderTest, operate, serving, startBalancer, startGateway } from '../tools/sluice-under-test.ts';

// Each test starts several processes, one after the other.
t.setTimeout(120_000);
// Side by side: each test has processes of its own, and waits most of the time.
t.jobs = 2;

const descriptors = 256;
const idle = 300;
const request = 'GET /echo/x HTTP/1.1\r\nHost: x\r\n\r\n';

async function metricsOf(balancer: BalancerUnderTest): Promise<Scrape> {
  return new Scrape(await (await fetch(`${balancer.control}/metrics`)).text());
}

/** No server is out or was ejected, no log line comes more often than it may. */
async function unharmed(balancer: BalancerUnderTest): Promise<string[]> {
  const servers = (await balancer.api('GET', '/v1/servers')) as ServerAnswer[];
  const out = servers.filter(({ health, state }) => health !== 'up' || state !== 'ready').map(({ id, reason }) => `${id}: ${reason}`);
  return [...out, ...balancer.process.log.map(({ msg }) => String(msg)).filter((msg) => /ejected|is down|short of/.test(msg))];
}

/** Hundredths of a second that a process has had a processor. */
function cpuOf(pid: number): number {
  const [, ...fields] = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ');
  const [user = 0, system = 0] = fields.join(') ').split(' ').slice(11, 13).map(Number);
  return user + system;
}

for (const workers of [0, 2]) {
  test(`idle clients beyond the limit of open files cost no request (${workers} workers)`, async (t) => {
    const begun = performance.now();
    const balancer = await startBalancer(t, { workers }, {}, {}, undefined, descriptors);
    await deployEcho(balancer, (await startTarget(t)).url);
    await startGateway(t, 'a', balancer.control);
    await startGateway(t, 'b', balancer.control);
    await serving(balancer, ['a', 'b']);
    const load = new Load(balancer.address, '/echo/', { clients: 8, restMs: 5 });
    await load.more(50);
    const clients = new IdleClients(t);
    const perProcess = Math.max(1, workers);
    const asking = idle * perProcess;
    await clients.add(idle * perProcess, balancer.address);
    await load.more(200);
    // Each of these sends a request before it is idle. More at a time than there is room for would have to be refused.
    for (let group = 0; group < asking; group += 10) await clients.add(10, balancer.address, request);
    await load.more(200);
    t.strictSame(
      clients.answers.filter((line) => line !== 'HTTP/1.1 200 OK'),
      [],
      'every client that asked got its answer',
    );
    t.equal(clients.answers.length, asking);
    t.strictSame(await unharmed(balancer), []);
    const seen = await operate(t, balancer, 'status');
    t.equal(seen.status, 0, 'the control address answers');
    // Two workers seldom have equal numbers of clients.
    if (workers === 0) t.match(seen.out, /\nproduction: 1\d\d of 1\d\d client connections: idle ones are closed to make room/);
    const fresh = await fetch(`http://${balancer.address}/echo/fresh`);
    t.equal(fresh.status, 200, 'a new client is served');
    const { wrong } = await load.stop();
    t.strictSame(wrong, []);
    const scrape = await metricsOf(balancer);
    const limit = scrape.sum('sluice_listener_connections_limit');
    t.ok(limit > 100 * perProcess && limit < descriptors * perProcess, `limit ${limit}`);
    t.ok(scrape.sum('sluice_listener_connections') <= 192 * perProcess, 'the limit holds');
    t.ok(scrape.sum('sluice_listener_connections_closed_for_room_total') > 0);
    const lines = balancer.process.log.filter(({ msg }) => /limit of connections is reached/.test(String(msg)));
    const minutes = Math.ceil((performance.now() - begun) / 60_000);
    t.ok(lines.length >= 1 && lines.length <= perProcess * minutes, 'logged once a minute for each process');
  });
}

test('idle clients of a gateway server cost no request of its balancer', async (t) => {
  const balancer = await startBalancer(t);
  await deployEcho(balancer, (await startTarget(t)).url);
  const gateway = await startGateway(t, 'a', balancer.control, ['--environment', 'production'], { descriptors });
  await startGateway(t, 'b', balancer.control);
  await serving(balancer, ['a', 'b']);
  const { address } = (await balancer.api('GET', '/v1/servers/a')) as ServerAnswer;
  const load = new Load(balancer.address, '/echo/', { clients: 8, restMs: 5 });
  await load.more(50);
  const clients = new IdleClients(t);
  await clients.add(idle, String(address));
  await load.more(200);
  for (let group = 0; group < idle; group += 10) await clients.add(10, String(address), request);
  load.recount();
  await load.until(({ by }) => by.has('a') && by.has('b'));
  await load.more(200);
  t.strictSame(await unharmed(balancer), []);
  t.strictSame((await load.stop()).wrong, []);
  t.strictSame(
    gateway.log.filter(({ msg }) => /short of/.test(String(msg))),
    [],
  );
});

test('a limit of the configuration or command line holds, also divided among workers', async (t) => {
  const limits = { connections: 20 };
  const balancer = await startBalancer(t, { workers: 2 }, { production: { listen: '127.0.0.1:0', limits } });
  await deployEcho(balancer, (await startTarget(t)).url);
  await startGateway(t, 'a', balancer.control, ['--environment', 'production', '--max-connections', '15']);
  await serving(balancer, ['a']);
  const clients = new IdleClients(t);
  await clients.add(60, balancer.address, request);
  t.strictSame(
    clients.answers.filter((line) => line !== 'HTTP/1.1 200 OK'),
    [],
  );
  const scrape = await metricsOf(balancer);
  t.equal(scrape.sum('sluice_listener_connections_limit'), 20);
  t.ok(scrape.sum('sluice_listener_connections') <= 20);
});

test('a process that has no descriptor left, not even the one in reserve, closes idle connections for new ones', async (t) => {
  const { url } = await startTarget(t);
  const balancer = await startBalancer(
    t,
    {},
    { production: { listen: '127.0.0.1:0', servers: [{ id: 'a', address: new URL(url).host }] } },
  );
  const { pid } = balancer.process;
  const clients = new IdleClients(t);
  await clients.add(40, balancer.address, request);
  const limitTo = (soft: number) => execFileSync('prlimit', ['--pid', `${pid}`, `--nofile=${soft}:`]);
  const open = () => readdirSync(`/proc/${pid}/fd`).map(Number);
  // The system gives the lowest number that is free: idle clients take all that others have left.
  while (Math.max(...open()) >= open().length) await clients.add(1, balancer.address, request);
  const most = open().length;
  // Under the limit of another process, or of the system, an accept fails that the process has counted on.
  limitTo(5);
  const before = { ticks: cpuOf(pid), answers: clients.answers.length };
  const late = clients.add(4, balancer.address, request);
  await eventually(
    () => cpuOf(pid),
    (ticks) => ticks > before.ticks + 10,
    { what: 'accepts to fail again and again: none of these events reaches JavaScript' },
  );
  limitTo(most);
  await late;
  t.strictSame(
    clients.answers.filter((line) => line !== 'HTTP/1.1 200 OK'),
    [],
  );
  t.equal(clients.answers.length, before.answers + 4, 'new clients are served in place of idle ones');
});
