import { request } from 'node:http';
import { test } from 'tap';
import type { ServerAnswer } from '../../src/api/answers.ts';
import { deployEcho, echoProject, startTarget } from '../tools/echo.ts';
import { eventually } from '../tools/eventually.ts';
import { startRedis } from '../tools/redis.ts';
import { type BalancerUnderTest, startBalancer, startGateway } from '../tools/sluice-under-test.ts';

type Deployments = { version: number; deployments: { project: string; revision: number }[]; servers: { state: string }[] };

test('two balancers on one Redis show the same state, after a change on either of them', async (t) => {
  const redis = await startRedis(t);
  const target = await startTarget(t);
  const one = await startBalancer(t, { registry: { url: redis.url } });
  // Both listen on port 0: on one machine they could not share an address.
  const other = await startBalancer(t, { registry: { url: redis.url } });

  const waits: string[] = [];
  /** Makes a change on one balancer and waits until the other one shows it. */
  const change = async <T>(what: string, make: () => Promise<unknown>, ask: () => Promise<T>, holds: (seen: T) => boolean): Promise<T> => {
    await make();
    const begun = performance.now();
    const seen = await eventually(ask, holds);
    waits.push(`${what} ${Math.round(performance.now() - begun)} ms`);
    return seen;
  };
  const server = (of: BalancerUnderTest, id: string) => () =>
    of.api('GET', `/v1/servers/${id}`).catch(() => undefined) as Promise<ServerAnswer | undefined>;
  const deployments = (of: BalancerUnderTest) => () => of.api('GET', '/v1/environments/production/deployments') as Promise<Deployments>;
  const takesTraffic = (seen: ServerAnswer | undefined) => seen?.state === 'ready' && seen.health === 'up';

  await deployEcho(one, target.url, '1');
  let gateway = await startGateway(t, 'a', redis.url, []);
  await change(
    'available',
    async () => {},
    server(other, 'a'),
    (seen) => seen?.state === 'available',
  );
  await change('assign', () => one.api('PUT', '/v1/environments/production/servers/a'), server(other, 'a'), takesTraffic);

  const atRevision = (revision: number) => (seen: Deployments) =>
    seen.deployments[0]?.revision === revision && seen.servers.every(({ state }) => state === 'current');
  await other.api('POST', '/v1/projects', echoProject(target.url, '2'));
  await change('deploy', () => other.api('PUT', '/v1/environments/production/deployments/echo', {}), deployments(one), atRevision(2));
  await change(
    'rollback',
    () => one.api('POST', '/v1/environments/production/deployments/echo/rollback'),
    deployments(other),
    atRevision(1),
  );
  await change(
    'undeploy',
    () => other.api('DELETE', '/v1/environments/production/deployments/echo'),
    deployments(one),
    (seen) => seen.deployments.length === 0,
  );

  await change(
    'drain',
    () => one.api('PATCH', '/v1/servers/a', { draining: true }),
    server(other, 'a'),
    (seen) => seen?.state === 'draining',
  );
  await change('resume', () => other.api('PATCH', '/v1/servers/a', { draining: false }), server(one, 'a'), takesTraffic);
  await change(
    'weight',
    () => one.api('PATCH', '/v1/servers/a', { weight: 7 }),
    server(other, 'a'),
    (seen) => seen?.weight === 7,
  );

  const listening = (of: BalancerUnderTest) => () =>
    of.api('GET', '/v1/environments/made').catch(() => undefined) as Promise<{ status: { listening: string | null } } | undefined>;
  await change(
    'environment made',
    () => one.api('PUT', '/v1/environments/made', { listen: '127.0.0.1:0', hosts: ['made.test'] }),
    listening(other),
    (seen) => seen?.status.listening === other.address,
  );
  await eventually(
    () => problemOf(other.address, 'made.test'),
    (code) => code === 'no-server',
  );
  t.pass('requests for its host reach the new environment');
  await change(
    'environment deleted',
    () => one.api('DELETE', '/v1/environments/made'),
    listening(other),
    (seen) => seen === undefined,
  );
  await eventually(
    () => problemOf(other.address, 'made.test'),
    (code) => code !== 'no-server',
  );

  gateway.signal('SIGTERM');
  t.equal(await gateway.ended(), 0);
  await change(
    'leave',
    async () => {},
    server(other, 'a'),
    (seen) => seen === undefined,
  );
  gateway = await startGateway(t, 'a', redis.url, []);
  const back = await change('join', async () => {}, server(other, 'a'), takesTraffic);
  t.equal(back?.environment, 'production', 'it rejoins its environment');
  t.equal(back?.weight, 7, 'with its weight');
  t.comment(waits.join(', '));
});

/** Sends a request with this Host and resolves with the problem code of the answer. */
function problemOf(address: string, host: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const sent = request(`http://${address}/`, { headers: { host }, agent: false }, async (response) => {
      let text = '';
      for await (const piece of response) text += piece;
      resolve((JSON.parse(text) as { code: string }).code);
    });
    sent.once('error', reject).end();
  });
}
