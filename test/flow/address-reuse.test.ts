import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import t, { type Test, test } from 'tap';
import type { ServerAnswer } from '../../src/api/answers.ts';
import { deployEcho, startTarget } from '../tools/echo.ts';
import { eventually } from '../tools/eventually.ts';
import { freePort } from '../tools/free-port.ts';
import { Load } from '../tools/load.ts';
import { ownFolder } from '../tools/own-folder.ts';
import { startRedis } from '../tools/redis.ts';
import type { SluiceProcess } from '../tools/sluice-process.ts';
import { type BalancerUnderTest, serving, startBalancer, startGateway, testEnvironment } from '../tools/sluice-under-test.ts';

// Each test starts several processes, one after the other.
t.setTimeout(180_000);

/** Checks so rare that none comes in time by itself. */
const rareChecks = { ...testEnvironment, health: { interval: '60s', timeout: '1s' } };

/** Answers that came from `staging`, by their revision. */
function strangers(load: Load): string[] {
  return load.counts.wrong.filter((line) => !/: 50[234] /.test(line));
}

/** Takes the address of a process that has just been killed, and answers everything with `staging`. Returns how many requests it got. */
async function takeAddress(t: Test, port: number, fields: Record<string, string>): Promise<() => string[]> {
  const got: string[] = [];
  const server = createServer((request, response) => {
    if (request.url !== '/.sluice/ready') got.push(`${request.method} ${request.url}`);
    response.writeHead(200, fields).end('staging');
  });
  t.teardown(() => {
    server.closeAllConnections();
    server.close();
  });
  await eventually(
    async () => {
      server.listen(port, '127.0.0.1');
      return Promise.race([once(server, 'listening'), once(server, 'error')]).then(() => server.listening);
    },
    (listening) => listening,
  );
  return () => got;
}

async function setUp(t: Test, environment: Record<string, unknown>, settings: Record<string, unknown> = {}) {
  const target = await startTarget(t);
  const balancer = await startBalancer(t, settings, { production: environment });
  await deployEcho(balancer, target.url);
  const port = await freePort();
  const listen = ['--environment', 'production', '--listen', `127.0.0.1:${port}`];
  const a = await startGateway(t, 'a', balancer.control, listen);
  await startGateway(t, 'b', balancer.control);
  await serving(balancer, ['a', 'b']);
  return { balancer, a, port, target };
}

interface Variant {
  readonly environment: Record<string, unknown>;
  readonly settings?: Record<string, unknown>;
  /** Fields of the answers of the server that takes the address; default: a gateway of `staging`. */
  readonly fields?: Record<string, string>;
}

const staging = { 'sluice-server': 's; instance=s-1; environment=staging' };
const variants: Readonly<Record<string, Variant>> = {
  'checks of the default path': { environment: rareChecks },
  'checks of another path': { environment: { ...rareChecks, health: { ...rareChecks.health, path: '/echo/', expect: '200-499' } } },
  'checks by connection only': { environment: { ...rareChecks, health: { ...rareChecks.health, path: '' } } },
  'no checks': { environment: { ...rareChecks, health: 'off' } },
  'a plain server': { environment: rareChecks, fields: {} },
  'worker processes': { environment: rareChecks, settings: { workers: 2 } },
};

for (const [name, { environment, settings, fields = staging }] of Object.entries(variants)) {
  test(`a killed server whose address another one takes at once: it gets no request (${name})`, async (t) => {
    const { balancer, a, port } = await setUp(t, environment, settings);
    const load = new Load(balancer.address, '/echo/', { clients: 8, restMs: 1 });
    await load.until(({ by }) => by.has('a') && by.has('b'));
    await a.kill();
    const got = await takeAddress(t, port, fields);
    load.recount();
    await load.more(400);
    t.strictSame(strangers(load), []);
    t.strictSame(got(), [], 'not one request arrived');
    t.strictSame([...load.counts.by.keys()], ['b']);
    await load.stop();
    if (environment['health'] === 'off') return;
    const answer = (await balancer.api('GET', '/v1/servers/a')) as ServerAnswer;
    t.match(answer, { health: 'down', reason: /^not the server that registered: / });
  });
}

test('real gateways of two environments take one address in turns', async (t) => {
  const target = await startTarget(t);
  const redis = await startRedis(t);
  const other = { ...testEnvironment, listen: '127.0.0.2:0' };
  const balancer = await startBalancer(t, { registry: { url: redis.url } }, { staging: other });
  await deployEcho(balancer, target.url);
  await deployEcho(balancer, target.url, '2', 'staging');
  const port = await freePort();
  const at = (environment: string) => ['--environment', environment, '--listen', `127.0.0.1:${port}`];
  await startGateway(t, 'stays', redis.url);
  const load = new Load(balancer.address, '/echo/', { clients: 8, restMs: 1 });
  for (let round = 0; round < 3; round++) {
    const a: SluiceProcess = await startGateway(t, `a${round}`, redis.url, at('production'));
    await load.until(({ by }) => by.has(`a${round}`));
    await a.kill();
    const s = await startGateway(t, `s${round}`, redis.url, at('staging'));
    await eventually(
      () => balancer.api('GET', '/v1/servers?environment=staging') as Promise<ServerAnswer[]>,
      (servers) => servers.some(({ id, health }) => id === `s${round}` && health === 'up'),
    );
    await load.more(200);
    await s.kill();
  }
  // 502 for a POST in flight on the killed server names no revision.
  const revisions = [...load.counts.revisions.keys()].filter((revision) => revision !== 'none');
  t.strictSame(revisions, ['1'], 'every production request was answered by production');
  await load.stop();
  t.strictSame(strangers(load), []);
});

test('a server that restarts while the registry is away takes requests again', async (t) => {
  const target = await startTarget(t);
  const redis = await startRedis(t);
  const balancer: BalancerUnderTest = await startBalancer(t, { registry: { url: redis.url } });
  await deployEcho(balancer, target.url);
  const port = await freePort();
  const listen = ['--environment', 'production', '--listen', `127.0.0.1:${port}`, '--data-dir', 'kept'];
  const folder = ownFolder(t);
  const first = await startGateway(t, 'a', redis.url, listen, { folder });
  await serving(balancer, ['a']);
  await eventually(
    () => existsSync(join(folder, 'kept/snapshots.log')),
    (kept) => kept,
    { what: 'the snapshot to be on disk' },
  );
  await redis.stop();
  await first.kill();
  await eventually(
    () => fetch(`http://${balancer.address}/echo/x`).then(({ status }) => status),
    (status) => status !== 200,
  );
  await startGateway(t, 'a', redis.url, listen, { folder });
  await eventually(
    () => fetch(`http://${balancer.address}/echo/x`).then(({ status }) => status),
    (status) => status === 200,
  );
});
