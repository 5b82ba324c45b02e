import { once } from 'node:events';
import http from 'node:http';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { type Gateway, type GatewayOptions, startGateway } from '../../src/gateway/gateway.ts';
import { savedChange } from '../../src/gateway/saved-project.ts';
import { SnapshotStore } from '../../src/gateway/snapshot-store.ts';
import { systemClock } from '../../src/model/clock.ts';
import { project } from '../../src/model/project.ts';
import type { Listener } from '../../src/proxy/contract.ts';
import { openListener } from '../../src/proxy/http-listener.ts';
import type { Registry } from '../../src/registry/contract.ts';
import { openRegistry } from '../../src/registry/open-registry.ts';
import { eventually } from '../tools/eventually.ts';
import { keptLogger, silentLogger } from '../tools/fake-logger.ts';
import { ownFolder } from '../tools/own-folder.ts';
import { deployed, projectOf, wholeOf } from './samples.ts';

/** A target that answers with the request that reached it. */
async function target(t: Test, name: string): Promise<string> {
  const server = http.createServer((request, response) => {
    response.setHeader('x-target', name);
    response.end(JSON.stringify({ name, method: request.method, url: request.url, headers: request.headers }));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

interface World {
  readonly registry: Registry;
  readonly lines: { level: number; msg: string }[];
  readonly dataDir: string;
  start(options?: Partial<GatewayOptions>): Promise<Gateway>;
  listener(): Listener;
}

async function world(t: Test): Promise<World> {
  const started: Gateway[] = [];
  const folder = ownFolder(t);
  t.teardown(async () => {
    for (const gateway of started) await gateway.drain();
    await registry.close();
  });
  const { logger, lines } = keptLogger();
  const registry = await openRegistry({ url: `embedded:${join(folder, 'registry')}`, logger: silentLogger });
  const dataDir = join(folder, 'data');
  let opened: Listener | undefined;
  return {
    registry,
    lines,
    dataDir,
    listener: () => opened as Listener,
    async start(options = {}) {
      const gateway = await startGateway({
        id: 'g1',
        listen: '127.0.0.1:0',
        dataDir,
        registry,
        logger,
        version: '0',
        clock: systemClock,
        random: Math.random,
        grace: 5000,
        open: async (...given) => {
          opened = await openListener(...given);
          return opened;
        },
        ...options,
      });
      started.push(gateway);
      return gateway;
    },
  };
}

interface Answer {
  status: number;
  headers: http.IncomingHttpHeaders;
  body: string;
}

function send(gateway: Gateway, path: string, options: http.RequestOptions = {}): Promise<Answer> {
  const [host, port] = gateway.address.split(':');
  return new Promise((resolve, reject) => {
    const request = http.request({ host, port, path, agent: false, ...options }, (response) => {
      let body = '';
      response.setEncoding('utf8').on('data', (piece) => {
        body += piece;
      });
      response.on('end', () => resolve({ status: response.statusCode ?? 0, headers: response.headers, body }));
    });
    request.on('error', reject).end();
  });
}

async function until(what: string, holds: () => unknown): Promise<void> {
  await eventually(holds, (held) => Boolean(held), { what });
}

t.test('joins and serves the deployed projects through all policies', async (t) => {
  const { registry, start } = await world(t);
  const backend = await target(t, 'one');
  await registry.putEnvironment('production', { variables: { backend, token: 's3cret' } });
  await registry.pushProject(
    projectOf({
      name: 'shop',
      targets: { default: { url: '${variables.backend}/api' } },
      policies: {
        proxyRequest: [{ apiKey: { keys: ['k1'] } }],
        targetRequest: [{ headers: { set: { authorization: 'Bearer ${variables.token}' }, remove: ['x-api-key'] } }],
        targetResponse: [{ headers: { remove: ['x-target'] } }],
        proxyResponse: [{ headers: { add: { 'x-served': ['a', 'b'] } } }],
      },
      resources: [{ path: '/items/{id}', methods: ['GET'] }],
    }),
  );
  await registry.deploy('production', 'shop');
  const gateway = await start({ environment: 'production' });
  await until('ready', () => gateway.ready);
  t.match(await send(gateway, '/.sluice/ready'), { status: 200, body: 'ready\n' });
  const answer = await send(gateway, '/shop//items/./7?q=%2F', { headers: { 'x-api-key': 'k1', host: 'api.example.com' } });
  t.match(answer, { status: 200, headers: { 'x-served': 'a, b', 'x-target': undefined } });
  const seen = JSON.parse(answer.body);
  t.equal(seen.url, '/api/items/7?q=%2F');
  t.match(seen.headers, {
    authorization: 'Bearer s3cret',
    host: backend.slice('http://'.length),
    'x-forwarded-host': 'api.example.com',
    'x-request-id': String,
  });
  t.equal(seen.headers['x-api-key'], undefined);
  t.match(await send(gateway, '/shop/items/7'), {
    status: 401,
    headers: { 'www-authenticate': 'ApiKey', 'content-type': 'application/problem+json' },
  });
  t.match(await send(gateway, '/shop/items/7', { method: 'DELETE' }), { status: 405, headers: { allow: 'GET, HEAD, OPTIONS' } });
  t.equal((await send(gateway, '/shop')).status, 404);
  t.equal((await send(gateway, '/else')).status, 404);
  t.equal((await registry.server('g1'))?.address, gateway.address, 'the port taken is the one registered');
});

t.test('an operator removes stored responses; after the registry was away they are confirmed first', async (t) => {
  const { start, registry } = await world(t);
  let count = 0;
  const target = http.createServer((request, response) => {
    if (request.headers['if-none-match'] !== undefined) response.writeHead(304).end();
    else response.setHeader('Cache-Control', 'max-age=600').setHeader('ETag', '"1"').end(String(++count));
  });
  await new Promise<void>((resolve) => target.listen(0, '127.0.0.1', resolve));
  t.teardown(() => target.close());
  let resync = () => {};
  const hearing: typeof registry = Object.create(registry, {
    watch: {
      value: (...[listener, options]: Parameters<typeof registry.watch>) => {
        const before = resync;
        resync = () => {
          before();
          listener({ kind: 'resync' });
        };
        return registry.watch(listener, options);
      },
    },
  });
  await registry.putEnvironment('one', {});
  const { port } = target.address() as AddressInfo;
  await registry.pushProject(
    projectOf({
      name: 'shop',
      targets: { default: { url: `http://127.0.0.1:${port}` } },
      policies: { proxyRequest: [{ cache: {} }] },
      resources: [{ path: '/', childPaths: true }],
    } as never),
  );
  await registry.deploy('one', 'shop');
  const gateway = await start({ environment: 'one', registry: hearing });
  await gateway.started;
  const ask = async () => (await send(gateway, '/shop/a')).body;
  t.same([await ask(), await ask()], ['1', '1']);
  await registry.caches?.purge('one', { project: 'other' });
  await registry.caches?.purge('one', { project: 'shop', path: '/shop/*' });
  await until('the response to be removed', async () => (await ask()) === '2');
  resync();
  t.match(await send(gateway, '/shop/a'), { body: '2', headers: { 'cache-status': 'sluice; fwd=stale; fwd-status=304' } });
  t.match(await send(gateway, '/shop/a'), { headers: { 'cache-status': /hit/ } });
});

t.test('accepts the largest head of a balancer, with the fields that it adds', async (t) => {
  const { start } = await world(t);
  const gateway = await start();
  const most = { 'x-large': 'x'.repeat(32_600), ...Object.fromEntries(Array.from({ length: 104 }, (_, index) => [`x-${index}`, 'y'])) };
  t.not((await send(gateway, '/', { headers: most })).status, 431);
  t.equal((await send(gateway, '/', { headers: { ...most, 'x-more': 'x'.repeat(9_000) } })).status, 431);
});

t.test('requests go to the next URL, then to the failover, when a URL cannot be reached', async (t) => {
  const { registry, start } = await world(t);
  const backend = await target(t, 'spare');
  await registry.putEnvironment('production', {});
  const gone = http.createServer();
  await new Promise<void>((resolve) => gone.listen(0, '127.0.0.1', resolve));
  const dead = `http://127.0.0.1:${(gone.address() as AddressInfo).port}`;
  await new Promise((resolve) => gone.close(resolve));
  const targets = {
    default: { urls: [{ url: `${dead}/1` }, { url: `${dead}/2` }, { url: `${dead}/3` }], failover: 'spare' },
    spare: { url: backend },
  };
  await registry.pushProject(projectOf({ name: 'shop', targets }));
  await registry.deploy('production', 'shop');
  const gateway = await start({ environment: 'production' });
  await until('ready', () => gateway.ready);
  for (let round = 0; round < 5; round++) t.match(await send(gateway, '/shop/x'), { status: 200, headers: { 'x-target': 'spare' } });
});

t.test('starts from the last good snapshot without a registry', async (t) => {
  const { registry, start, dataDir, lines } = await world(t);
  const backend = await target(t, 'kept');
  const snapshot = wholeOf(3, [deployed({ name: 'shop', targets: { default: { url: backend } } })]);
  await new SnapshotStore(dataDir, silentLogger).save(savedChange(snapshot));
  await registry.close();
  const gateway = await start({ environment: 'production' });
  t.equal(gateway.ready, true);
  t.match(await send(gateway, '/shop/x'), { status: 200, headers: { 'x-target': 'kept' } });
  await until('the failed join is logged', () => lines.some(({ msg }) => /could not join/.test(msg)));
});

t.test('the snapshot of another environment is not served', async (t) => {
  const { registry, start, dataDir } = await world(t);
  const other = wholeOf(3, [deployed({ name: 'shop' })], { environment: 'test' });
  await new SnapshotStore(dataDir, silentLogger).save(savedChange(other));
  await registry.close();
  const gateway = await start({ environment: 'production' });
  t.equal(gateway.ready, false);
  t.equal((await send(gateway, '/shop/x')).status, 503);
  t.equal((await send(gateway, '/.sluice/ready')).status, 503);
});

t.test('drain announces the leave, serves requests that still arrive, then leaves', async (t) => {
  const { registry, start, listener } = await world(t);
  const backend = await target(t, 'one');
  await registry.putEnvironment('production', {});
  await registry.pushProject(projectOf({ name: 'shop', targets: { default: { url: backend } } }));
  await registry.deploy('production', 'shop');
  const gateway = await start({ environment: 'production' });
  await until('ready', () => gateway.ready);
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
  t.teardown(() => agent.destroy());
  t.not((await send(gateway, '/shop/x', { agent })).headers.connection, 'close');
  const drained = gateway.drain();
  t.equal(gateway.drain(), drained, 'draining starts once');
  t.equal(gateway.ready, false);
  await until('leaving is announced', async () => (await registry.server('g1'))?.leaving === true);
  t.match(await send(gateway, '/shop/x', { agent }), { status: 200, headers: { connection: 'close' } });
  t.equal((await send(gateway, '/.sluice/ready')).status, 503);
  await drained;
  t.equal(await registry.server('g1'), undefined);
  t.equal(listener().connections, 0);
  await t.rejects(send(gateway, '/shop/x'), { code: 'ECONNREFUSED' });
});

t.test('an address that balancers cannot reach is refused', async (t) => {
  const { start } = await world(t);
  const refused = (options: Partial<GatewayOptions>, message: RegExp) =>
    t.rejects(start(options), { name: 'SluiceError', code: 'invalid', message });
  await refused({ listen: '0.0.0.0:0' }, /listening on 0\.0\.0\.0:0 .*--advertise HOST:PORT/);
  await refused({ listen: '[::]:0' }, /--advertise/);
  await refused({ listen: '127.0.0.1:0', advertise: '0.0.0.0:80' }, /advertise 0\.0\.0\.0:80 does not tell balancers/);
  await refused({ listen: '127.0.0.1:0', advertise: '10.0.0.1:0' }, /advertise/);
  await refused({ listen: 'nonsense' }, /listen: "nonsense" must be HOST:PORT/);
  const gateway = await start({ listen: '0.0.0.0:0', advertise: '127.0.0.1:4711' });
  t.equal(gateway.address, '127.0.0.1:4711');
});

t.test('a target has the response timeout that its project sets', async (t) => {
  const { registry, start } = await world(t);
  const silent = createServer(() => {}).listen(0, '127.0.0.1');
  t.teardown(() => silent.close());
  await once(silent, 'listening');
  const url = `http://127.0.0.1:${(silent.address() as AddressInfo).port}`;
  await registry.putEnvironment('production', {});
  await registry.pushProject(projectOf({ name: 'slow', targets: { default: { url, timeouts: { responseHead: '50ms' } } } }));
  await registry.deploy('production', 'slow');
  const gateway = await start({ environment: 'production' });
  await until('ready', () => gateway.ready);
  // The default timeout of a minute would exceed the test's own limit.
  t.match(await send(gateway, '/slow'), { status: 504, body: /"response-timeout"/ });
  const faults = (responseHead: string | 0) =>
    project.safeParse({ ...projectOf({ name: 'slow' }), targets: { default: { url, timeouts: { responseHead } } } }).error?.issues;
  t.match(faults('soon'), [{ message: 'must be a time such as 250ms, 2s or 5m' }]);
  t.equal(faults(0), undefined);
});
