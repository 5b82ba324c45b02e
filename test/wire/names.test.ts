import { once } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import t, { type Test } from 'tap';
import { probe } from '../../src/health/probe.ts';
import { systemClock } from '../../src/model/clock.ts';
import { Upstream } from '../../src/proxy/upstream.ts';
import { DnsServer } from '../tools/dns-server.ts';
import { eventually } from '../tools/eventually.ts';
import { deafServer } from './deaf-server.ts';
import { Peer } from './peer.ts';
import { world } from './world.ts';

// The resolver of the process reads this variable when the first name is looked up.
const dns = await DnsServer.start(t);
process.env['SLUICE_DNS_SERVERS'] = dns.address;

interface Hosts {
  readonly port: number;
  /** Requests, and open connections, by the address that took them. */
  readonly requests: Record<string, number>;
  readonly open: Record<string, number>;
  stop(address: string): Promise<void>;
}

/** Starts a server at one port of each address; each answers with its address. */
async function startHosts(
  t: Test,
  addresses: readonly string[],
  { port: given = 0, answer }: { port?: number; answer?: RequestListener } = {},
): Promise<Hosts> {
  const servers = new Map<string, Server>();
  const requests: Record<string, number> = {};
  const open: Record<string, number> = {};
  let port = given;
  for (const address of addresses) {
    const server = createServer((request, response) => {
      requests[address] = (requests[address] ?? 0) + 1;
      if (answer) answer(request, response);
      else response.end(address);
    });
    server.on('connection', (socket: Socket) => {
      open[address] = (open[address] ?? 0) + 1;
      socket.once('close', () => {
        open[address] = (open[address] as number) - 1;
      });
    });
    server.listen(port, address);
    await once(server, 'listening');
    ({ port } = server.address() as AddressInfo);
    servers.set(address, server);
  }
  const stop = async (address: string) => {
    const server = servers.get(address) as Server;
    server.closeAllConnections();
    server.close();
    if (server.listening) await once(server, 'close');
  };
  t.teardown(() => Promise.all(addresses.map(stop)));
  return { port, requests, open, stop };
}

/** Sluice before one upstream, which has a name. */
async function front(t: Test, host: string, port: number, timeouts: Record<string, string> = {}) {
  const upstream = new Upstream({ id: host, host, port });
  const w = await world(t, {
    spec: { timeouts },
    route: { pick: (_exchange, tried) => (tried.includes(upstream) ? undefined : upstream) },
  });
  upstream.pool.idleMs = w.route.settings.timeouts.upstreamIdle;
  upstream.pool.ageMs = w.route.settings.timeouts.upstreamAge;
  t.teardown(() => upstream.retire());
  const url = `http://${w.listener.address}/`;
  return { upstream, outcomes: w.outcomes, address: w.listener.address, get: async () => (await fetch(url)).text() };
}

function check(address: string, timeout: number) {
  return new Promise((resolve) => probe({ address, path: '/', timeout, expect: '200' }, systemClock, resolve));
}

t.test('the addresses of a name take turns', async (t) => {
  const addresses = ['127.0.0.2', '127.0.0.3', '127.0.0.4'];
  const { port, requests } = await startHosts(t, addresses);
  dns.names.set('turns.test', { addresses });
  const { get } = await front(t, 'turns.test', port, { upstreamIdle: '0s' });
  for (let turn = 0; turn < 30; turn++) await get();
  t.strictSame(requests, { '127.0.0.2': 10, '127.0.0.3': 10, '127.0.0.4': 10 });
  t.equal(dns.asked('turns.test'), 2, 'one lookup, for A and AAAA');
});

t.test('an address that refuses costs no request', async (t) => {
  const addresses = ['127.0.0.2', '127.0.0.3'];
  const { port, stop } = await startHosts(t, addresses);
  dns.names.set('half.test', { addresses });
  await stop('127.0.0.2');
  const { get, outcomes } = await front(t, 'half.test', port, { upstreamIdle: '0s' });
  for (let turn = 0; turn < 10; turn++) t.equal(await get(), '127.0.0.3');
  t.ok(outcomes.every(({ kind }) => kind === 'answered'));
  t.match(await check(`half.test:${port}`, 2000), { passed: true });
});

t.test('an address that is silent is given up within the time to connect, and tried last from then on', async (t) => {
  const port = await deafServer(t);
  await startHosts(t, ['127.0.0.2'], { port });
  dns.names.set('deaf.test', { addresses: ['127.0.0.1', '127.0.0.2'] });
  const { get, outcomes } = await front(t, 'deaf.test', port, { connect: '2s', upstreamIdle: '0s' });
  for (let turn = 0; turn < 6; turn++) t.equal(await get(), '127.0.0.2');
  t.ok(outcomes.every(({ kind }) => kind === 'answered'));
  t.match(await check(`deaf.test:${port}`, 1000), { passed: true });
});

t.test('requests and checks follow a changed name, also under steady traffic', async (t) => {
  const { port, open } = await startHosts(t, ['127.0.0.2', '127.0.0.3']);
  dns.names.set('moving.test', { addresses: ['127.0.0.2'], ttlSeconds: 1 });
  const { get } = await front(t, 'moving.test', port);
  t.equal(await get(), '127.0.0.2');
  dns.names.set('moving.test', { addresses: ['127.0.0.3'], ttlSeconds: 1 });
  await eventually(get, (answer) => answer === '127.0.0.3', { everyMs: 20 });
  t.equal(open['127.0.0.2'], 0, 'the idle connection to the old address is closed');
});

t.test('idle connections to an old address are closed without any traffic', async (t) => {
  const { port, open } = await startHosts(t, ['127.0.0.2', '127.0.0.3']);
  dns.names.set('quiet.test', { addresses: ['127.0.0.2'], ttlSeconds: 1 });
  const { get } = await front(t, 'quiet.test', port);
  await get();
  dns.names.set('quiet.test', { addresses: ['127.0.0.3'], ttlSeconds: 1 });
  await eventually(
    () => open['127.0.0.2'],
    (count) => count === 0,
  );
  t.equal(await get(), '127.0.0.3');
});

t.test('a server that moved before its TTL ended is found when it refuses', async (t) => {
  const { port, stop } = await startHosts(t, ['127.0.0.2', '127.0.0.3']);
  dns.names.set('hasty.test', { addresses: ['127.0.0.2'], ttlSeconds: 3600 });
  const { get } = await front(t, 'hasty.test', port);
  t.equal(await get(), '127.0.0.2');
  dns.names.set('hasty.test', { addresses: ['127.0.0.3'], ttlSeconds: 3600 });
  await stop('127.0.0.2');
  await eventually(get, (answer) => answer === '127.0.0.3', { everyMs: 50 });
});

for (const [what, outage] of Object.entries({
  'do not answer': { silent: true },
  fail: { failure: 'SERVFAIL' },
  'deny every name': { failure: 'NXDOMAIN' },
} as const)) {
  t.test(`while DNS servers ${what}, known addresses stay in use`, async (t) => {
    const name = `kept-${what.replaceAll(' ', '-')}.test`;
    const { port } = await startHosts(t, ['127.0.0.2']);
    dns.names.set(name, { addresses: ['127.0.0.2'], ttlSeconds: 1 });
    const { get, outcomes } = await front(t, name, port, { upstreamIdle: '0s' });
    await get();
    dns.outage = outage;
    t.teardown(() => {
      dns.outage = undefined;
    });
    const before = dns.asked(name);
    await eventually(
      async () => {
        t.equal(await get(), '127.0.0.2');
        t.match(await check(`${name}:${port}`, 1000), { passed: true });
        return dns.asked(name);
      },
      (asked) => asked >= before + 4,
      { everyMs: 50 },
    );
    t.ok(outcomes.every(({ kind }) => kind === 'answered'));
  });
}

t.test('names that are never answered hold up no other name', async (t) => {
  const { port } = await startHosts(t, ['127.0.0.2']);
  const silent = Array.from({ length: 20 }, (_, index) => `silent-${index}.test`);
  for (const name of silent) dns.names.set(name, { silent: true });
  dns.names.set('good.test', { addresses: ['127.0.0.2'] });
  const fronts = await Promise.all(silent.map((name) => front(t, name, port)));
  const stuck = Promise.all(fronts.map(({ get }) => get()));
  await eventually(
    () => silent.map((name) => dns.asked(name)),
    (counts) => counts.every((count) => count > 0),
  );
  const good = await front(t, 'good.test', port);
  t.equal(await good.get(), '127.0.0.2');
  t.match(await check(`good.test:${port}`, 1000), { passed: true });
  for (const answer of await stuck) t.match(answer, /connect-(failed|timeout)/);
});

t.test('a slow answer is waited for within the time to connect', async (t) => {
  const { port } = await startHosts(t, ['127.0.0.2']);
  dns.names.set('slow.test', { addresses: ['127.0.0.2'], delayMs: 700 });
  const { get } = await front(t, 'slow.test', port, { connect: '3s' });
  t.equal(await get(), '127.0.0.2');
});

t.test('a name that does not exist says so, to traffic and checks', async (t) => {
  const { get, outcomes } = await front(t, 'none.test', 80);
  t.match(await get(), /connect-failed/);
  t.match(outcomes, [{ kind: 'connect-failed', reason: 'the name none.test does not exist' }]);
  t.match(await check('none.test:80', 1000), { failure: 'unreachable', reason: /the name none\.test does not exist/ });
});

t.test('a check of several addresses gives the reason of each', async (t) => {
  const { port, stop } = await startHosts(t, ['127.0.0.2', '127.0.0.3']);
  await Promise.all(['127.0.0.2', '127.0.0.3'].map(stop));
  dns.names.set('refusing.test', { addresses: ['127.0.0.2', '127.0.0.3'] });
  const { reason } = (await check(`refusing.test:${port}`, 1000)) as { reason: string };
  t.match(reason, /refused/);
});

t.test('upgrades go to the addresses of a name as well', async (t) => {
  const { port, stop } = await startHosts(t, ['127.0.0.2', '127.0.0.3']);
  dns.names.set('tunnel.test', { addresses: ['127.0.0.2', '127.0.0.3'] });
  await stop('127.0.0.2');
  const { address } = await front(t, 'tunnel.test', port);
  for (let turn = 0; turn < 2; turn++) {
    const client = await Peer.to(address);
    t.teardown(() => client.socket.destroy());
    client.send('GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n');
    t.equal((await client.message()).body, '127.0.0.3');
  }
});

t.test('upstreamAge: a connection past its greatest age carries no further exchange', async (t) => {
  const { port } = await startHosts(t, ['127.0.0.2']);
  const { get, upstream } = await front(t, '127.0.0.2', port, { upstreamAge: '300ms' });
  await get();
  await get();
  t.strictSame([upstream.pool.connects, upstream.pool.reuses], [1, 1]);
  await eventually(
    () => upstream.pool.open,
    (open) => open === 0,
  );
  await get();
  t.equal(upstream.pool.connects, 2);
});

t.test("an idle connection is closed before the server's own Keep-Alive timeout ends", async (t) => {
  let closedBy = '';
  const { port } = await startHosts(t, ['127.0.0.2'], {
    answer: (request, response) => {
      request.socket.once('end', () => {
        closedBy ||= 'sluice';
      });
      response.setHeader('Keep-Alive', 'max=5, timeout=1').end('kept');
    },
  });
  const { get, upstream } = await front(t, '127.0.0.2', port);
  await get();
  t.equal(upstream.pool.idle, 1);
  await eventually(
    () => upstream.pool.open,
    (open) => open === 0,
  );
  await eventually(
    () => closedBy,
    (by) => by === 'sluice',
  );
});

t.test('Keep-Alive: timeout=0 keeps no connection', async (t) => {
  const { port } = await startHosts(t, ['127.0.0.2'], { answer: (_, response) => response.setHeader('Keep-Alive', 'timeout=0').end('0') });
  const { get, upstream } = await front(t, '127.0.0.2', port);
  await get();
  await get();
  t.equal(upstream.pool.reuses, 0);
});
