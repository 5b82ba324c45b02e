import { once } from 'node:events';
import http, { createServer } from 'node:http';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { LocalDataPlane } from '../../src/balancer/local-data-plane.ts';
import { type Gateway, startGateway } from '../../src/gateway/gateway.ts';
import { systemClock } from '../../src/model/clock.ts';
import { openListener } from '../../src/proxy/http-listener.ts';
import type { Registry } from '../../src/registry/contract.ts';
import { openRegistry } from '../../src/registry/open-registry.ts';
import { RegistrationEndpoint } from '../../src/registry/remote/registration-endpoint.ts';
import { server, table } from '../balancer/tables.ts';
import { startTarget } from '../tools/echo.ts';
import { silentLogger as logger } from '../tools/fake-logger.ts';
import { listening } from '../tools/listening.ts';
import { ownFolder } from '../tools/own-folder.ts';
import { startRedis } from '../tools/redis.ts';
import { Scrape } from '../tools/scrape.ts';
import { projectOf } from './samples.ts';

/** Requests of one environment: its limit per second, and what may be saved. */
const limit = 100;
const burst = 50;

/** A project whose requests are limited. */
const limited = (url: string, ...policies: Record<string, unknown>[]) =>
  projectOf({ name: 'shop', targets: { default: { url } }, policies: { proxyRequest: policies }, resources: [] });

/** Three gateways with a limit that they share, each with a registry connection of its own. */
async function fleet(t: Test, open: () => Promise<Registry>, ...policies: Record<string, unknown>[]): Promise<Gateway[]> {
  const target = await startTarget(t);
  const operator = await open();
  await operator.putEnvironment('production', {});
  const shared = { rateLimit: { limit, burst, by: 'all' } };
  await operator.pushProject(limited(target.url, ...(policies.length > 0 ? policies : [shared])));
  await operator.deploy('production', 'shop');
  const gateways: Gateway[] = [];
  for (const id of ['g1', 'g2', 'g3']) {
    const registry = await open();
    const gateway = await startGateway({
      ...{ id, registry, logger, environment: 'production', listen: '127.0.0.1:0', dataDir: join(ownFolder(t), id), version: '0' },
      ...{ clock: systemClock, random: Math.random, grace: 2000, open: openListener },
    });
    await gateway.started;
    t.teardown(async () => {
      await gateway.drain();
      await registry.close();
    });
    gateways.push(gateway);
  }
  t.teardown(() => operator.close());
  return gateways;
}

/** Sends requests to all gateways as fast as they are answered, in turns of one and all of them, for so many milliseconds and until some are refused. */
async function load(gateways: readonly Gateway[], ms: number): Promise<{ passed: number; refused: number; seconds: number }> {
  const agent = new http.Agent({ keepAlive: true });
  const seen = { passed: 0, refused: 0 };
  const start = performance.now();
  const client = async (own: Gateway) => {
    for (let round = 0; performance.now() - start < ms || seen.refused < 20; round++) {
      const gateway = Math.floor(round / 50) % 2 === 0 ? own : (gateways[0] as Gateway);
      const status = await statusOf(gateway, agent);
      if (status === 200) seen.passed++;
      else if (status === 429) seen.refused++;
    }
  };
  await Promise.all([...gateways, ...gateways, ...gateways, ...gateways].map(client));
  agent.destroy();
  return { ...seen, seconds: (performance.now() - start) / 1000 };
}

async function statusOf({ address }: Gateway, agent: http.Agent): Promise<number | undefined> {
  const sent = http.get(`http://${address}/shop/x`, { agent });
  const [response] = (await once(sent, 'response')) as [http.IncomingMessage];
  response.resume();
  await once(response, 'end');
  return response.statusCode;
}

async function callsOf(gateways: readonly Gateway[]): Promise<number> {
  const calls = gateways.map(async ({ address }) =>
    new Scrape(await (await fetch(`http://${address}/.sluice/metrics`)).text()).sum('sluice_limit_store_calls_total'),
  );
  return (await Promise.all(calls)).reduce((one, other) => one + other);
}

function check(t: Test, { passed, refused, seconds }: Awaited<ReturnType<typeof load>>, what: string): void {
  t.comment(`${what}: ${passed} passed, ${refused} refused in ${seconds.toFixed(2)} s`);
  t.ok(passed <= burst + limit * seconds, `${what}: never over`);
  // A busy machine may send fewer than are allowed.
  t.ok(passed >= 0.5 * Math.min(limit * seconds, passed + refused), `${what}: not much under`);
}

t.test('three gateways share a limit through Redis, and go on with their shares without it', async (t) => {
  const redis = await startRedis(t);
  const gateways = await fleet(t, () => openRegistry({ url: redis.url, logger }));
  const together = await load(gateways, 2000);
  check(t, together, 'with Redis');
  const calls = await callsOf(gateways);
  t.comment(`${calls} calls to Redis for ${together.passed + together.refused} requests`);
  // Five a second and gateway, however slowly the requests come.
  t.ok(calls < Math.max((together.passed + together.refused) / 5, 15 * together.seconds), 'seldom asks Redis');
  await redis.stop();
  check(t, await load(gateways, 1500), 'without Redis');
});

t.test('three gateways that join through a balancer share a limit in its memory', async (t) => {
  const behind = await openRegistry({ url: `embedded:${ownFolder(t)}`, logger });
  const endpoint = new RegistrationEndpoint({ registry: behind, logger, grantOf: () => ({ access: 'join' }) });
  const admin = new RegistrationEndpoint({ registry: behind, logger, grantOf: () => ({ access: 'admin' }) });
  const servers = [endpoint, admin].map((each) =>
    createServer().on('upgrade', (request, socket, head) => each.upgrade(request, socket, head)),
  );
  const [joins, operators] = await Promise.all(servers.map((server) => listening(t, server)));
  t.teardown(async () => {
    await Promise.all([endpoint.close(), admin.close()]);
    await behind.close();
  });
  let first = true;
  const gateways = await fleet(t, () => {
    const address = first ? operators : joins;
    first = false;
    return openRegistry({ url: `http://${address}`, token: 'any', logger });
  });
  check(t, await load(gateways, 1500), 'with a balancer');
});

t.test('near a small limit a balancer brings all requests of a caller to one gateway, which hardly calls Redis', async (t) => {
  const redis = await startRedis(t);
  const keys = ['key-of-anna', 'key-of-ben'];
  const limit = { rateLimit: { limit: 200, burst: 1000, by: 'header:x-tenant' } };
  const gateways = await fleet(t, () => openRegistry({ url: redis.url, logger }), { apiKey: { keys } }, limit);
  const members = gateways.map(async ({ address }, index) => {
    const { headers } = await fetch(`http://${address}/.sluice/ready`);
    return server(`g${index + 1}`, { address, identity: String(headers.get('sluice-server')) });
  });
  const plane = new LocalDataPlane({
    ...{ clock: systemClock, random: Math.random, logger, suspect: () => {}, report: () => {} },
    open: (address, settings, handler) => openListener(address, settings, handler),
  });
  const listen = '127.0.0.1:0';
  const environment = table(await Promise.all(members), { listen, balance: 'round-robin', exposeServer: true });
  const { limits, timeouts } = environment.spec;
  const opened = await plane.open(listen, { headerBytes: limits.headerBytes, bodyRate: 0, timeouts, trustedProxies: [] });
  plane.apply(environment);
  t.teardown(() => Promise.all([opened.close(0), plane.close()]));
  const agent = new http.Agent({ keepAlive: true });
  t.teardown(() => agent.destroy());
  const fields = new Set<string>();
  const serverOf = async (tenant: string, key: string) => {
    const sent = http.get(`http://${opened.address}/shop/x`, { agent, headers: { 'x-api-key': key, 'x-tenant': tenant } });
    const [response] = (await once(sent, 'response')) as [http.IncomingMessage];
    response.resume();
    await once(response, 'end');
    for (const name of Object.keys(response.headers)) fields.add(name);
    return String(response.headers['x-served-by']);
  };
  /** Sends 100 requests of a tenant with both keys, 200 a second; returns who has answered them. */
  const servers = async (tenant: string) => {
    const answers: Promise<string>[] = [];
    for (let next = performance.now(); answers.length < 100; await new Promise((resolve) => setImmediate(resolve)))
      for (; next <= performance.now() && answers.length < 100; next += 5)
        answers.push(serverOf(tenant, keys[answers.length % 2] as string));
    return [...new Set(await Promise.all(answers))];
  };
  let calls = Number.POSITIVE_INFINITY;
  let seen: string[] = [];
  for (let round = 0; round < 40 && (seen.length !== 1 || calls > 3); round++) {
    const before = await callsOf(gateways);
    const first = await servers('a');
    seen = [...new Set([...first, ...(await servers('a'))])];
    calls = (await callsOf(gateways)) - before;
  }
  t.equal(seen.length, 1, 'one of the three answers 200 in a row');
  t.ok(calls <= 3, `${calls} calls to Redis for 200 requests`);
  const others = await Promise.all(Array.from({ length: 9 }, () => serverOf('b', keys[0] as string)));
  t.equal(new Set(others).size, 3, 'requests that count elsewhere are balanced as before');
  t.ok(fields.has('ratelimit') && !fields.has('sluice-home'), 'clients are not told');
});
