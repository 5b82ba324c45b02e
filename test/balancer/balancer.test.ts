import { once } from 'node:events';
import { Agent, createServer, type RequestListener, request, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import t, { type Test } from 'tap';
import { SelfSignedCertificates } from '../../src/acme/self-signed-certificates.ts';
import { type Balancer, createBalancer } from '../../src/balancer/balancer.ts';
import { LocalDataPlane } from '../../src/balancer/local-data-plane.ts';
import { TicketSecret } from '../../src/balancer/ticket-secret.ts';
import { systemClock } from '../../src/model/clock.ts';
import { openListener } from '../../src/proxy/http-listener.ts';
import type { Registry } from '../../src/registry/contract.ts';
import { openRegistry } from '../../src/registry/open-registry.ts';
import { CertificateStore } from '../../src/tls/certificate-store.ts';
import { eventually } from '../tools/eventually.ts';
import { silentLogger as logger } from '../tools/fake-logger.ts';
import { ownFolder } from '../tools/own-folder.ts';

const tools = { logger, clock: systemClock, random: Math.random };

/** A gateway as the balancer sees it: answers with its id, and is ready unless a test changes that. */
class Gateway {
  readonly id: string;
  readonly server: Server;
  ready = true;
  /** Replaces the normal answer to a request. */
  react: RequestListener | undefined;
  checks = 0;

  constructor(id: string) {
    this.id = id;
    this.server = createServer((incoming, response) => {
      if (incoming.url === '/.sluice/ready') {
        this.checks++;
        response.writeHead(this.ready ? 200 : 503).end();
      } else if (this.react) this.react(incoming, response);
      else response.end(this.id);
    });
  }

  async listen(): Promise<this> {
    this.server.listen(0, '127.0.0.1');
    await once(this.server, 'listening');
    return this;
  }

  get address(): string {
    return `127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  kill(): void {
    this.server.close();
    this.server.closeAllConnections();
  }
}

async function setUp(t: Test, environment: Parameters<Registry['putEnvironment']>[1] = {}) {
  const registry = await openRegistry({ url: `embedded:${ownFolder(t)}`, logger });
  await registry.putEnvironment('production', { listen: '127.0.0.1:0', health: { interval: '100ms' }, ...environment });
  const gateways: Gateway[] = [];
  const balancer = createBalancer({
    ...tools,
    certificates: new CertificateStore('/', tools.clock, logger),
    tickets: new TicketSecret({ clock: tools.clock, logger }),
    issued: new SelfSignedCertificates(tools.clock, logger),
    registry,
    startDataPlane: (feedback) =>
      new LocalDataPlane({ ...tools, ...feedback, open: (address, settings, handler) => openListener(address, settings, handler) }),
  });
  await balancer.start();
  t.teardown(async () => {
    await balancer.drain(0);
    await registry.close();
    for (const gateway of gateways) gateway.kill();
  });
  const start = async (id: string) => {
    const gateway = await new Gateway(id).listen();
    gateways.push(gateway);
    return gateway;
  };
  const join = async (gateway: Gateway, more: { acknowledge?: boolean } = {}) => {
    const { id, address } = gateway;
    const request = {
      id,
      instance: `${id}-1`,
      environment: 'production',
      address,
      source: 'join' as const,
      version: '0',
      startedAt: 0,
      ttl: 10_000,
    };
    const { snapshot } = await registry.join(request);
    if (more.acknowledge === false || snapshot === undefined) return;
    const { epoch, version, hash } = snapshot;
    await registry.renew({ id, instance: `${id}-1`, running: { epoch, version, hash }, projects: [] });
  };
  const url = () => `http://${balancer.view.listening('production')}`;
  return { registry, balancer, start, join, url };
}

/** Sends one request on a new connection, or through an agent. */
function get(
  url: string,
  options: { agent?: Agent; headers?: Record<string, string> } = {},
): Promise<{ status: number; body: string; headers: NodeJS.Dict<string | string[]> }> {
  return new Promise((resolve, reject) => {
    request(url, { agent: false, ...options }, (response) => {
      let body = '';
      response.setEncoding('utf8').on('data', (piece: string) => {
        body += piece;
      });
      response.on('end', () => resolve({ status: response.statusCode as number, body, headers: response.headers }));
      response.on('error', reject);
    })
      .on('error', reject)
      .end();
  });
}

function inRotation(balancer: Balancer): string {
  const up = [...balancer.view.servers()].filter(({ health }) => health === 'up');
  return up.map(({ id }) => id).join(' ');
}

async function untilInRotation(balancer: Balancer, ids: string): Promise<void> {
  await eventually(
    () => inRotation(balancer),
    (now) => now === ids,
    { what: `servers in rotation: ${ids}` },
  );
}

t.test('without servers: 503 with Retry-After; two servers get an equal share', async (t) => {
  const { balancer, start, join, url } = await setUp(t);
  t.equal(balancer.view.unready(), undefined);
  const unavailable = await get(url());
  t.equal(unavailable.status, 503);
  t.ok(unavailable.headers['retry-after']);
  await join(await start('a'));
  await untilInRotation(balancer, 'a');
  t.match(await get(url()), { status: 200, body: 'a' });
  await join(await start('b'));
  await untilInRotation(balancer, 'a b');
  const answers = await Promise.all(Array.from({ length: 100 }, () => get(url())));
  t.equal(answers.filter(({ body }) => body === 'a').length, 50);
  t.equal(answers.filter(({ body }) => body === 'b').length, 50);
  const [a] = balancer.view.servers();
  t.match(a, { id: 'a', environment: 'production', active: 0, requests: 51, failures: 0, statuses: [0, 0, 51, 0, 0, 0] });
});

t.test('no traffic before the snapshot is acknowledged and a check has passed', async (t) => {
  const { registry, balancer, start, join, url } = await setUp(t);
  const a = await start('a');
  await join(a, { acknowledge: false });
  await eventually(
    () => [...balancer.view.servers()].length,
    (count) => count === 1,
  );
  t.equal((await get(url())).status, 503);
  a.ready = false;
  await join(a);
  await eventually(
    () => a.checks,
    (checks) => checks > 3,
  );
  t.equal((await get(url())).status, 503);
  a.ready = true;
  await untilInRotation(balancer, 'a');
  t.equal((await get(url())).body, 'a');
  t.ok(await registry.server('a'));
});

t.test('killing a server under load fails no request, and the server is out of rotation within a second', async (t) => {
  const { balancer, start, join, url } = await setUp(t, { health: { interval: '2s' } });
  const [a, b] = [await start('a'), await start('b')];
  await join(a);
  await join(b);
  await untilInRotation(balancer, 'a b');
  const agent = new Agent({ keepAlive: true, maxSockets: 8 });
  t.teardown(() => agent.destroy());
  let going = true;
  const statuses = new Map<number, number>();
  const load = Promise.all(
    Array.from({ length: 8 }, async () => {
      while (going) {
        const { status } = await get(url(), { agent });
        statuses.set(status, (statuses.get(status) ?? 0) + 1);
      }
    }),
  );
  const answered = (count: number) =>
    eventually(
      () => statuses.get(200) ?? 0,
      (answers) => answers > count,
    );
  await answered(200);
  a.kill();
  const killed = performance.now();
  await untilInRotation(balancer, 'b');
  const tookMs = performance.now() - killed;
  await eventually(
    () => [...balancer.view.servers()][0]?.health,
    (health) => health === 'down',
  );
  await answered((statuses.get(200) ?? 0) + 200);
  going = false;
  await load;
  t.strictSame([...statuses.keys()], [200], `${JSON.stringify([...statuses])}`);
  t.ok(tookMs < 1000, `${Math.round(tookMs)} ms`);
  t.match([...balancer.view.servers()][0]?.reason, /connection refused/);
});

t.test('draining: requests in flight finish on the server, new ones go to another', async (t) => {
  const { registry, balancer, start, join, url } = await setUp(t);
  const a = await start('a');
  await join(a);
  await untilInRotation(balancer, 'a');
  let finish = () => {};
  const arrived = new Promise<void>((resolve) => {
    a.react = (_, response) => {
      finish = () => response.end('late');
      resolve();
    };
  });
  const inFlight = get(url());
  await arrived;
  await join(await start('b'));
  await untilInRotation(balancer, 'a b');
  await registry.patchServer('a', { draining: true });
  await untilInRotation(balancer, 'b');
  for (let count = 0; count < 5; count++) t.equal((await get(url())).body, 'b');
  t.match([...balancer.view.servers()][0], { id: 'a', active: 1 });
  finish();
  t.match(await inFlight, { status: 200, body: 'late' });
  a.react = undefined;
  await registry.patchServer('a', { draining: false });
  await untilInRotation(balancer, 'a b');
});

t.test('environments by host on one listener, created and deleted while the balancer runs', async (t) => {
  const { registry, balancer, start, join, url } = await setUp(t, { hosts: ['api.example.com'] });
  await join(await start('a'));
  await untilInRotation(balancer, 'a');
  t.match(await get(url(), { headers: { host: 'api.example.com' } }), { status: 200, body: 'a' });
  t.match(await get(url(), { headers: { host: 'other.example.com' } }), { status: 404, body: /no-environment/ });
  t.match(await get(`${url()}/.sluice/ready`, { headers: { host: 'api.example.com' } }), { status: 404 });
  const legacy = await start('legacy');
  await registry.putEnvironment('development', {
    listen: '127.0.0.1:0',
    health: 'off',
    servers: [{ id: 'legacy', address: legacy.address }],
  });
  await eventually(
    () => balancer.view.listening('development'),
    (address) => address !== undefined,
  );
  t.equal(balancer.view.listening('development'), balancer.view.listening('production'));
  const answer = await eventually(
    () => get(url(), { headers: { host: 'other.example.com' } }),
    ({ status }) => status === 200,
  );
  t.equal(answer.body, 'legacy');
  await registry.deleteEnvironment('development', { force: true });
  await eventually(
    () => balancer.view.listening('development'),
    (address) => address === undefined,
  );
  t.match(await get(url(), { headers: { host: 'other.example.com' } }), { status: 404 });
  t.match(await get(url(), { headers: { host: 'api.example.com' } }), { status: 200, body: 'a' });
});

t.test('a taken address fails the start with its remedy, and leaves no listener open', async (t) => {
  const squatter = await new Gateway('squatter').listen();
  const registry = await openRegistry({ url: `embedded:${ownFolder(t)}`, logger });
  t.teardown(async () => {
    squatter.kill();
    await registry.close();
  });
  await registry.putEnvironment('free', { listen: '127.0.0.1:0' });
  await registry.putEnvironment('production', { listen: squatter.address });
  const opened: { close(graceMs: number): Promise<void>; closed?: boolean }[] = [];
  const open = async (...[address, settings, handler]: Parameters<typeof openListener>) => {
    const listener = await openListener(address, settings, handler);
    opened.push(listener);
    return listener;
  };
  await t.rejects(
    createBalancer({
      ...tools,
      certificates: new CertificateStore('/', tools.clock, logger),
      tickets: new TicketSecret({ clock: tools.clock, logger }),
      issued: new SelfSignedCertificates(tools.clock, logger),
      registry,
      startDataPlane: (feedback) => new LocalDataPlane({ ...tools, ...feedback, open: (...given) => open(given[0], given[1], given[2]) }),
    }).start(),
    {
      code: 'unavailable',
      message: `cannot listen on ${squatter.address} for environment production: another program listens there: stop it or choose another address`,
    },
  );
  t.equal(opened.length, 1);
  const [free] = opened as unknown as [{ address: string }];
  await t.rejects(get(`http://${free.address}`), { code: 'ECONNREFUSED' });
});

t.test('drain: requests in flight finish, new connections are refused', async (t) => {
  const { balancer, start, join, url } = await setUp(t);
  const a = await start('a');
  await join(a);
  await untilInRotation(balancer, 'a');
  let finish = () => {};
  const arrived = new Promise<void>((resolve) => {
    a.react = (_, response) => {
      finish = () => response.end('late');
      resolve();
    };
  });
  const address = url();
  const inFlight = get(address);
  await arrived;
  const drained = balancer.drain(10_000);
  await t.rejects(get(address), { code: 'ECONNREFUSED' });
  finish();
  t.match(await inFlight, { status: 200, body: 'late' });
  await drained;
});
