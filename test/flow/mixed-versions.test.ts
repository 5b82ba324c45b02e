import { Redis } from 'ioredis';
import t from 'tap';
import type { DeploymentsAnswer, EnvironmentAnswer, RegistryAnswer } from '../../src/api/answers.ts';
import { deployEcho, echoProject, startTarget } from '../tools/echo.ts';
import { eventually } from '../tools/eventually.ts';
import { Load } from '../tools/load.ts';
import { buildPreviousRelease } from '../tools/previous-release.ts';
import { startRedis } from '../tools/redis.ts';
import { type BalancerUnderTest, operate, serving, startBalancer, startGateway, testEnvironment } from '../tools/sluice-under-test.ts';

async function untilCurrent(balancer: BalancerUnderTest, count: number, environment = 'production'): Promise<void> {
  await eventually(
    () => balancer.api('GET', `/v1/environments/${environment}/deployments`) as Promise<DeploymentsAnswer>,
    ({ servers, deployments }) =>
      servers.length === count && deployments.every((one) => one.servers.every(({ state }) => state === 'active')),
    { what: `${count} servers to run what is deployed` },
  );
}

t.test('the previous release and this one share a registry, and carry traffic for both', async (t) => {
  const { program, missing } = await buildPreviousRelease(t);
  if (program === undefined) {
    t.pass('needs the previous release', { skip: missing });
    return;
  }
  const { url } = await startRedis(t);
  const target = await startTarget(t);
  const old = await startBalancer(t, { registry: { url } }, {}, {}, program);
  const now = await startBalancer(t, { registry: { url } });
  await startGateway(t, 'old-by-redis', url, undefined, { program });
  await startGateway(t, 'old-by-new', now.control, undefined, { program });
  await startGateway(t, 'new-by-redis', url);
  await startGateway(t, 'new-by-old', old.control);
  const ids = ['old-by-redis', 'old-by-new', 'new-by-redis', 'new-by-old'];
  await deployEcho(old, target.url, '1');
  for (const balancer of [old, now]) {
    await serving(balancer, ids);
    await untilCurrent(balancer, 4);
  }

  const loads = [old, now].map(({ address }, index) => new Load(address, `/echo/${'ab'[index]}`, { clients: 4 }));
  for (const [index, balancer] of [now, old, now].entries()) {
    await deployEcho(balancer, target.url, `${index + 2}`);
    await balancer.api('POST', '/v1/projects', { ...echoProject(target.url, '1'), name: `side-${index}`, basePath: `/side-${index}` });
    await balancer.api('PUT', `/v1/environments/production/deployments/side-${index}`, {});
    await balancer.api('PUT', '/v1/environments/production', { ...testEnvironment, variables: { round: `${index}` } });
    for (const one of [old, now]) {
      await untilCurrent(one, 4);
      const { version, deployments } = (await one.api('GET', '/v1/environments/production/deployments')) as DeploymentsAnswer;
      t.match({ version, deployments }, { version: 4 + 3 * index, deployments: { length: index + 2 } });
    }
    for (const load of loads) await load.more(50);
  }
  await old.api('POST', '/v1/environments/production/deployments/echo/rollback');
  await untilCurrent(now, 4);
  await now.api('DELETE', '/v1/environments/production/deployments/side-0');
  await untilCurrent(old, 4);
  for (const load of loads) {
    await load.more(50);
    const { wrong } = await load.stop();
    t.strictSame(wrong, []);
  }
  for (const { process } of [old, now])
    t.notOk(
      process.log.some(({ level }) => Number(level) >= 50),
      'no error is logged',
    );
});

t.test('what a newer version has written harms only its own object', async (t) => {
  const { url } = await startRedis(t);
  const target = await startTarget(t);
  const balancer = await startBalancer(t, { registry: { url } }, { staging: { ...testEnvironment, listen: '127.0.0.2:0' } });
  await startGateway(t, 'one', url);
  await startGateway(t, 'two', balancer.control, ['--environment', 'staging']);
  await deployEcho(balancer, target.url, '1');
  await deployEcho(balancer, target.url, '1', 'staging');
  await serving(balancer, ['one']);
  await serving(balancer, ['two'], 'staging');
  const loads = ['production', 'staging'].map((name) => new Load(balancer.addresses[name] as string, `/echo/${name[0]}`, { clients: 2 }));

  const admin = new Redis(url);
  t.teardown(() => admin.disconnect());
  const edit = async (kind: string, name: string, change: (document: { input: object }) => unknown) => {
    const [, revision, text] = /^(\d+)\|(.*)$/s.exec((await admin.hget(`{sluice}:${kind}`, name)) ?? '') as unknown as string[];
    await admin.hset(`{sluice}:${kind}`, name, `${Number(revision) + 1}|${JSON.stringify(change(JSON.parse(text as string)))}`);
  };
  const stored = async (name: string) => JSON.parse(/\|(.*)$/s.exec((await admin.hget('{sluice}:environment', name)) ?? '')?.[1] ?? '');
  await edit('environment', 'production', (document) => ({
    ...document,
    added: 1,
    input: { ...document.input, listen: '127.0.0.1:1', fromTomorrow: { kept: [] }, health: { grpc: 'x' } },
  }));
  await admin.publish('{sluice}:news', JSON.stringify({ kind: 'environment', name: 'production' }));

  await balancer.process.logged((line) => line['kind'] === 'environment' && line['name'] === 'production');
  const answer = (await balancer.api('GET', '/v1/environments/production')) as EnvironmentAnswer;
  t.match(answer.status.unread, /newer Sluice \(unknown keys "health.grpc", "fromTomorrow"\)/);
  t.equal(answer.status.listening, balancer.address, 'the listener stays');
  t.match((await operate(t, balancer, 'status')).out, /environment production: .*newer Sluice/);
  t.match(await (await fetch(`${balancer.control}/metrics`)).text(), /^sluice_registry_unread_documents 1$/m);

  // A join and a deploy go on, and lose nothing of what is not understood.
  await startGateway(t, 'three', url);
  await serving(balancer, ['one', 'three']);
  await deployEcho(balancer, target.url, '2');
  await untilCurrent(balancer, 2);
  t.match(await stored('production'), { added: 1, input: { fromTomorrow: {}, listen: '127.0.0.1:1' }, deployments: [{ revision: 2 }] });
  await t.rejects(balancer.api('PUT', '/v1/environments/production', testEnvironment), /409 .*newer Sluice.*then change it/);
  t.match(await stored('production'), { input: { fromTomorrow: {} } });

  // Settings that make no sense to this version, and text that is none: the last good ones stay.
  for (const [round, input] of [{ balance: 'quantum' }, 'garbage'].entries()) {
    await edit('environment', 'production', (document) => ({ ...document, input }));
    await admin.publish('{sluice}:news', JSON.stringify({ kind: 'environment', name: 'production' }));
    await eventually(
      () => balancer.api('GET', '/v1/registry') as Promise<RegistryAnswer>,
      ({ unread }) => (round === 0 ? /quantum|balance/ : /map/).test(unread[0]?.reason ?? ''),
    );
    await startGateway(t, `late-${round}`, balancer.control);
    await serving(balancer, ['one', 'three', 'late-0', 'late-1'].slice(0, 3 + round));
    await t.rejects(balancer.api('PUT', '/v1/environments/production/deployments/echo', { revision: 1 }), /409 .*nothing was changed/);
  }
  await deployEcho(balancer, target.url, '3', 'staging');
  await untilCurrent(balancer, 1, 'staging');

  // A revision is lost: a server that has it serves it, a new one says that it is lost; another project goes ahead.
  await admin.hdel('{sluice}:revision', 'echo@3');
  await balancer.api('POST', '/v1/projects', { ...echoProject(target.url, '1'), name: 'side', basePath: '/side' });
  await balancer.api('PUT', '/v1/environments/staging/deployments/side', {});
  await startGateway(t, 'four', balancer.control, ['--environment', 'staging']);
  const staging = await eventually(
    () => balancer.api('GET', '/v1/environments/staging/deployments') as Promise<DeploymentsAnswer>,
    ({ deployments }) =>
      deployments.length === 2 &&
      deployments.every(({ servers }) => servers.length === 2 && servers.every(({ state }) => state !== 'pending')),
  );
  t.match(staging.deployments, [
    {
      project: 'echo',
      servers: [
        { id: 'four', state: 'rejected', error: /lost it/ },
        { id: 'two', state: 'active', revision: 3 },
      ],
    },
    { project: 'side', servers: [{ state: 'active' }, { state: 'active' }] },
  ]);
  for (const [index, load] of loads.entries()) {
    if (index === 0) await load.more(50);
    const { wrong } = await load.stop();
    if (index === 0) t.strictSame(wrong, []);
  }
  t.equal(
    balancer.process.log.filter(
      (line) => line['kind'] === 'environment' && /newer/.test(String(line['reason'])) && /fromTomorrow/.test(String(line['reason'])),
    ).length,
    1,
    'said once',
  );
});

t.test('an environment with more deployments than older versions can read keeps its traffic on them', async (t) => {
  const { program, missing } = await buildPreviousRelease(t);
  if (program === undefined) {
    t.pass('needs the previous release', { skip: missing });
    return;
  }
  const { url } = await startRedis(t);
  const target = await startTarget(t);
  const old = await startBalancer(t, { registry: { url } }, {}, {}, program);
  const now = await startBalancer(t, { registry: { url } });
  await deployEcho(now, target.url, '1');
  await startGateway(t, 'old', url, undefined, { program });
  await startGateway(t, 'new', url);
  for (const balancer of [old, now]) await serving(balancer, ['old', 'new']);
  const loads = [old, now].map(({ address }, index) => new Load(address, `/echo/${'ab'[index]}`, { clients: 2 }));
  for (let index = 0; index < 66; index++) {
    await now.api('POST', '/v1/projects', { ...echoProject(target.url, '1'), name: `side-${index}`, basePath: `/side-${index}` });
    await now.api('PUT', `/v1/environments/production/deployments/side-${index}`, {});
  }
  await eventually(
    () => now.api('GET', '/v1/environments/production/deployments') as Promise<DeploymentsAnswer>,
    ({ deployments }) =>
      deployments.length === 67 && deployments.every(({ servers }) => servers.find(({ id }) => id === 'new')?.state === 'active'),
    { what: 'the new gateway to run all projects' },
  );
  await old.process.logged((line) => /environment document .*production.* is damaged/.test(JSON.stringify(line)));
  await t.rejects(old.api('DELETE', '/v1/environments/production/deployments/echo'), /is damaged/);
  await t.rejects(old.api('PUT', '/v1/environments/production', { ...testEnvironment, variables: { a: '1' } }), /is damaged/);
  for (const load of loads) {
    await load.more(50);
    const { wrong } = await load.stop();
    t.strictSame(wrong, []);
  }
  await now.api('PUT', '/v1/environments/production/deployments/side-3', {});
  t.match(await now.api('GET', '/v1/environments/production/deployments'), { version: 67, deployments: { length: 67 } });
});
