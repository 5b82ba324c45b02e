import { once } from 'node:events';
import { Agent, createServer, type IncomingMessage, request } from 'node:http';
import { createServer as createTcpServer, type Socket } from 'node:net';
import t, { test } from 'tap';
import { WebSocket, WebSocketServer } from 'ws';
import { eventually } from '../tools/eventually.ts';
import { listening } from '../tools/listening.ts';
import type { Owner } from '../tools/owner.ts';
import { Scrape } from '../tools/scrape.ts';
import {
  type BalancerUnderTest,
  current,
  joinToken,
  serving,
  startBalancer,
  startGateway,
  testEnvironment,
} from '../tools/sluice-under-test.ts';

// Side by side: each test has processes of its own, and waits most of the time.
t.jobs = 2;

/** A target whose path decides its answer. `hanging` counts the requests that it never answers. */
async function startTarget(t: Owner) {
  const seen = { hanging: 0 };
  const server = createServer((incoming, response) => {
    const path = incoming.url ?? '';
    incoming.resume().once('end', () => {
      if (path.includes('hang')) seen.hanging++;
      else if (path.includes('missing')) response.writeHead(404).end('gone');
      else if (path.includes('broken')) response.writeHead(500).end('oops');
      else response.end('0123456789');
    });
  });
  new WebSocketServer({ server });
  server.keepAliveTimeout = 120_000;
  return { address: await listening(t, server), seen };
}

/** A server that does `misbehave` to each connection when its first octets arrive. */
function startSick(t: Owner, misbehave: (socket: Socket) => void): Promise<string> {
  return listening(
    t,
    createTcpServer((socket) => {
      socket.on('error', () => {}).once('data', () => misbehave(socket));
    }),
  );
}

/** The answers that a client got, by class of status, and by server and class. */
class Answers {
  readonly classes: Record<string, number> = {};
  readonly servers: Record<string, number> = {};
  octets = 0;
  /** Requests without any answer. */
  broken = 0;

  add({ statusCode = 0, headers }: IncomingMessage, octets: number): void {
    const code = `${Math.floor(statusCode / 100)}xx`;
    this.classes[code] = (this.classes[code] ?? 0) + 1;
    const server = `${headers['x-served-by'] ?? 'none'} ${code}`;
    this.servers[server] = (this.servers[server] ?? 0) + 1;
    this.octets += octets;
  }
}

const agent = new Agent({ keepAlive: true, maxSockets: 6 });

/** Sends `count` requests at once over at most 6 connections, and resolves when all have ended. */
async function send(seen: Answers, count: number, url: string, { method = 'GET', body = '', headers = {} } = {}): Promise<void> {
  const one = () =>
    new Promise<void>((resolve) => {
      let answered = false;
      const sent = request(url, { agent, method, headers }, (response) => {
        answered = true;
        let octets = 0;
        response.on('data', (piece: Buffer) => {
          octets += piece.length;
        });
        response.once('error', () => resolve());
        response.once('end', () => resolve());
        response.once('close', () => seen.add(response, octets));
      });
      sent.once('error', () => {
        if (!answered) seen.broken++;
        resolve();
      });
      sent.end(body);
    });
  await Promise.all(Array.from({ length: count }, one));
}

async function scrape(url: string, headers: Record<string, string> = {}): Promise<Scrape> {
  const response = await fetch(url, { headers });
  return new Scrape(await response.text());
}

/** Scrapes the balancer until it has counted so many requests: workers report their counts with a delay. */
function counted(balancer: BalancerUnderTest, environment: string, requests: number): Promise<Scrape> {
  return eventually(
    () => scrape(`${balancer.control}/metrics`),
    (metrics) => metrics.sum('sluice_environment_requests_total', { environment }) >= requests,
  );
}

function project(target: string): Record<string, unknown> {
  return {
    name: 'shop',
    basePath: '/shop',
    targets: { default: { url: `http://${target}` } },
    resources: [
      { path: '/open', childPaths: true },
      { path: '/pets/{id}', methods: ['GET'] },
      { path: '/pets/{id}', methods: ['PUT'] },
      { path: '/locked', policies: { proxyRequest: [{ apiKey: { keys: ['the-key-of-this-test'] } }] } },
    ],
  };
}

for (const workers of [0, 2]) {
  test(`counters equal the counts of the clients, to the request (workers: ${workers})`, async (t) => {
    const target = await startTarget(t);
    const balancer = await startBalancer(t, { workers });
    await startGateway(t, 'a', balancer.control);
    await startGateway(t, 'b', balancer.control);
    await balancer.api('POST', '/v1/projects', project(target.address));
    await balancer.api('PUT', '/v1/environments/production/deployments/shop', {});
    await serving(balancer, ['a', 'b']);
    await current(balancer, 2);

    const seen = new Answers();
    const base = `http://${balancer.address}`;
    await send(seen, 40, `${base}/shop/open/a`);
    await send(seen, 20, `${base}/shop/open/b`, { method: 'POST', body: 'x'.repeat(1000) });
    await send(seen, 15, `${base}/shop/open/missing`);
    await send(seen, 10, `${base}/shop/open/broken`);
    await send(seen, 9, `${base}/shop/pets/1`);
    await send(seen, 8, `${base}/shop/pets/2`, { method: 'PUT', body: 'y' });
    await send(seen, 7, `${base}/shop/pets/3`, { method: 'DELETE' });
    await send(seen, 6, `${base}/shop/locked`);
    await send(seen, 5, `${base}/shop/nothing`);
    await send(seen, 4, `${base}/nowhere`);
    const refused = new Answers();
    await send(refused, 3, `${base}/.sluice/metrics`);
    const aborted = Array.from({ length: 4 }, () => request(`${base}/shop/open/hang`).on('error', () => {}));
    for (const each of aborted) each.end();
    await eventually(
      async () => target.seen.hanging,
      (hanging) => hanging === 4,
    );
    for (const each of aborted) each.destroy();
    const talk = new WebSocket(`ws://${balancer.address}/shop/open/talk`);
    await once(talk, 'open');
    talk.close();
    await once(talk, 'close');

    const metrics = await counted(balancer, 'production', 129);
    const here = { environment: 'production' };
    t.strictSame(
      metrics.by('code', 'sluice_environment_requests_total', here),
      { '1xx': 1, '2xx': 77, '4xx': 37, '5xx': 10, none: 4 },
      'by class',
    );
    t.strictSame(
      [seen.broken, seen.classes, refused.classes],
      [0, { '2xx': 77, '4xx': 37, '5xx': 10 }, { '4xx': 3 }],
      'as the clients counted',
    );
    t.equal(metrics.sum('sluice_environment_requests_aborted_total', here), 4);
    t.equal(metrics.sum('sluice_environment_request_duration_seconds_count', here), 129);
    t.equal(metrics.sum('sluice_environment_request_body_bytes_total', here), 20 * 1000 + 8);
    t.equal(metrics.sum('sluice_environment_response_body_bytes_total', here), seen.octets);
    t.strictSame(metrics.by('reason', 'sluice_listener_local_responses_total'), { 'not-found': 3 });
    t.strictSame(metrics.by('reason', 'sluice_environment_local_responses_total'), {});
    for (const server of ['a', 'b']) {
      const classes = metrics.by('code', 'sluice_server_responses_total', { ...here, server });
      delete classes['1xx'];
      const bySeen = Object.entries(seen.servers).filter(([key]) => key.startsWith(`${server} `));
      t.strictSame(classes, Object.fromEntries(bySeen.map(([key, count]) => [key.slice(2), count])), `server ${server}`);
    }
    t.equal(metrics.sum('sluice_server_requests_total', here), 129);
    t.equal(metrics.sum('sluice_server_abandoned_total', here), 4);
    t.equal(metrics.sum('sluice_server_failures_total', here), 0);
    t.equal(metrics.sum('sluice_server_response_head_seconds_count', here), 125);
    const [connects, reuses] = ['connects', 'connection_reuses'].map((name) => metrics.sum(`sluice_server_${name}_total`, here));
    t.equal((connects ?? 0) + (reuses ?? 0), 129, 'each attempt opened a connection or reused one');
    t.strictSame(metrics.doubles, []);

    const targets = (await balancer.api('GET', '/v1/prometheus/targets')) as { targets: string[]; labels: Record<string, string> }[];
    t.match(targets, [
      { labels: { environment: 'production', server: 'a', __metrics_path__: '/.sluice/metrics' } },
      { labels: { environment: 'production', server: 'b' } },
    ]);
    const scrapeAll = () =>
      Promise.all(targets.map(({ targets: [address], labels }) => scrape(`http://${address}${labels['__metrics_path__']}`)));
    const gateways = await eventually(
      scrapeAll,
      (all) => all.reduce((sum, each) => sum + each.sum('sluice_project_requests_aborted_total'), 0) === 4,
    );
    const total = (name: string, labels: Record<string, string>) => gateways.reduce((sum, each) => sum + each.sum(name, labels), 0);
    const shop = (resource: string, code: string) => total('sluice_project_requests_total', { project: 'shop', resource, code });
    t.strictSame([shop('/open', '2xx'), shop('/open', '4xx'), shop('/open', '5xx'), shop('/open', 'none')], [60, 15, 10, 4]);
    t.strictSame([shop('/pets/{id}', '2xx'), shop('/locked', '4xx'), shop('', '4xx')], [17, 6, 7 + 5]);
    t.equal(total('sluice_project_requests_total', { project: '', code: '4xx' }), 4, 'without a project');
    t.equal(total('sluice_project_policy_rejections_total', { project: 'shop', resource: '/locked', policy: 'apiKey' }), 6);
    t.equal(total('sluice_project_local_responses_total', { project: 'shop', reason: 'method-not-allowed' }), 7);
    t.equal(total('sluice_project_local_responses_total', { project: 'shop', reason: 'no-resource' }), 5);
    t.equal(total('sluice_target_responses_total', { project: 'shop', target: 'default', upstream: target.address, code: '2xx' }), 77);
    t.equal(total('sluice_target_requests_total', { project: 'shop' }), 40 + 20 + 15 + 10 + 9 + 8 + 4 + 1);
    for (const gateway of gateways) t.strictSame(gateway.doubles, []);

    const version = metrics.sum('sluice_environment_snapshot_version', here);
    for (const server of ['a', 'b']) t.equal(metrics.sum('sluice_server_snapshot_version', { ...here, server }), version);
    for (const gateway of gateways) t.equal(gateway.sum('sluice_gateway_snapshot_version'), version);

    if (workers > 0) await checkRestartKeepsCounters(t, balancer, metrics);
  });
}

async function checkRestartKeepsCounters(
  t: Owner & { strictSame(found: unknown, wanted: unknown, message: string): void },
  balancer: BalancerUnderTest,
  before: Scrape,
): Promise<void> {
  const ready = () => balancer.process.log.filter(({ msg }) => msg === 'worker ready').length;
  const ended = () => balancer.process.log.filter(({ msg }) => msg === 'worker ended').length;
  balancer.process.signal('SIGUSR2');
  await balancer.process.logged(() => ready() === 4 && ended() === 2);
  const after = (await scrape(`${balancer.control}/metrics`)).counters;
  const less = [...before.counters].filter(([key, count]) => (after.get(key) ?? 0) < count).map(([key]) => key);
  t.strictSame(less, [], 'no counter has gone down with new workers');
}

test('each kind of server failure is counted under its own reason', async (t) => {
  const target = await startTarget(t);
  const sick = {
    hung: await startSick(t, () => {}),
    resetting: await startSick(t, (socket) => socket.resetAndDestroy()),
    garbled: await startSick(t, (socket) => socket.end('what?\r\n\r\n')),
    cut: await startSick(t, (socket) => socket.end('HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf')),
  };
  // Each environment listens on its own address.
  let addresses = 1;
  let servers = 0;
  const listen = () => `127.0.0.${++addresses}:0`;
  const only = (...addresses: string[]) => ({
    listen: listen(),
    health: 'off',
    outlier: { consecutiveFailures: 0 },
    timeouts: { responseHead: '300ms' },
    retries: { attempts: 2 },
    servers: addresses.map((address) => ({ id: `s${++servers}`, address })),
  });
  const environments = {
    ...Object.fromEntries(Object.entries(sick).map(([name, address]) => [name, only(address)])),
    // Nothing listens on port 1 of loopback.
    refusing: only('127.0.0.1:1', target.address),
    recovering: only(sick.resetting, target.address),
    watched: {
      ...testEnvironment,
      listen: listen(),
      servers: [
        { id: 'hung', address: sick.hung },
        { id: 'refused', address: '127.0.0.1:1' },
        { id: 'resetting', address: sick.resetting },
      ],
    },
  };
  const balancer = await startBalancer(t, {}, environments);
  const seen = new Answers();
  for (const name of Object.keys(sick)) await send(seen, 3, `http://${balancer.addresses[name]}/`);
  await send(seen, 6, `http://${balancer.addresses['refusing']}/`);
  await send(seen, 6, `http://${balancer.addresses['recovering']}/`);
  t.equal(seen.classes['5xx'], 9);
  t.equal((seen.classes['2xx'] ?? 0) + seen.broken, 12 + 3, 'three answers were cut off, after the head or before it');

  const metrics = await counted(balancer, 'recovering', 6);
  const failures = (environment: string) => metrics.by('reason', 'sluice_server_failures_total', { environment });
  const local = (environment: string) => metrics.by('reason', 'sluice_environment_local_responses_total', { environment });
  t.strictSame([failures('hung'), local('hung')], [{ 'head-timeout': 3 }, { 'response-timeout': 3 }]);
  t.strictSame([failures('garbled'), local('garbled')], [{ 'bad-response': 3 }, { 'bad-response': 3 }]);
  t.strictSame([failures('cut'), local('cut')], [{ truncated: 3 }, {}]);
  t.strictSame(metrics.by('code', 'sluice_environment_requests_total', { environment: 'cut' }), { '2xx': 3 });
  t.equal(metrics.sum('sluice_environment_requests_aborted_total', { environment: 'cut' }), 3);
  t.strictSame(local('resetting'), { 'upstream-reset': 3 });
  t.strictSame(Object.keys(failures('resetting')), ['reset']);
  for (const [environment, reason] of [
    ['refusing', 'connect-failed'],
    ['recovering', 'reset'],
  ] as const) {
    const failed = metrics.sum('sluice_server_failures_total', { environment });
    t.ok(failed > 0);
    t.strictSame(failures(environment), { [reason]: failed });
    t.strictSame(
      metrics.by('reason', 'sluice_environment_retries_total', { environment }),
      { [reason]: failed },
      'each failure was one retry',
    );
    t.equal(metrics.sum('sluice_server_requests_total', { environment }), 6 + failed);
  }

  const checked = await eventually(
    () => scrape(`${balancer.control}/metrics`),
    (now) => now.sum('sluice_environment_servers', { environment: 'watched', health: 'down' }) === 3,
  );
  const down = balancer.process.log.filter(({ msg, environment }) => msg === 'server down' && environment === 'watched');
  t.strictSame(down.map(({ server, failure }) => `${server}: ${failure}`).sort(), ['hung: hung', 'refused: refused', 'resetting: reset']);
  for (const [server, result] of [
    ['hung', 'hung'],
    ['refused', 'refused'],
    ['resetting', 'reset'],
  ] as const) {
    const results = checked.by('result', 'sluice_server_health_checks_total', { environment: 'watched', server });
    t.strictSame(Object.keys(results), [result], `${server}: every check failed for the same reason`);
    t.equal(checked.sum('sluice_server_health_flips_total', { environment: 'watched', server, to: 'down' }), 1);
  }
});

test('a gateway shows its metrics to its own machine, and to others with the join token', async (t) => {
  const balancer = await startBalancer(t);
  const gateway = await startGateway(t, 'a', balancer.control);
  const { listen } = await gateway.logged(({ msg }) => msg === 'gateway listens');
  const ask = (headers: Record<string, string>) =>
    new Promise<IncomingMessage>((resolve, reject) => {
      request(`http://${listen}/.sluice/metrics`, { headers }, (response) => resolve(response.resume()))
        .once('error', reject)
        .end();
    });
  t.equal((await ask({})).statusCode, 200);
  t.match((await ask({})).headers['content-type'], /^text\/plain; version=/);
  const elsewhere = { host: 'gateway.example.com' };
  const refused = await ask(elsewhere);
  t.equal(refused.statusCode, 401);
  t.equal(refused.headers['www-authenticate'], 'Bearer');
  t.equal((await ask({ ...elsewhere, authorization: 'Bearer nonsense-nonsense' })).statusCode, 401);
  t.equal((await ask({ ...elsewhere, authorization: `Bearer ${joinToken}` })).statusCode, 200);
  t.equal(
    (await ask({ 'x-forwarded-for': '192.0.2.7' })).statusCode,
    401,
    'a request forwarded by a proxy on this machine counts as remote',
  );
});
