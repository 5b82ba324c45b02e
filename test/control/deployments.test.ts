import { test } from 'tap';
import type { Snapshot } from '../../src/model/snapshot.ts';
import { controlUnderTest, joinRequest, sampleProject } from './control-under-test.ts';

test('a deployment is answered with the new version and the progress of every server', async (t) => {
  const { ask, registry } = await controlUnderTest(t);
  await registry.putEnvironment('production', {});
  for (const id of ['a', 'b', 'c']) await registry.join(joinRequest(id, 'production'));
  await registry.join({ ...joinRequest('plain', 'production'), source: 'http', address: '127.0.0.1:9102' });
  await ask('POST', '/v1/projects', { body: sampleProject('pets') });

  const deployed = await ask('PUT', '/v1/environments/production/deployments/pets', { body: {} });
  t.equal(deployed.status, 200);
  t.equal(deployed.headers.get('etag'), '"1"');
  t.match(deployed.body, { environment: 'production', version: 1, deployments: [{ project: 'pets', revision: 1, basePath: '/pets' }] });

  const { epoch, version, hash }: Snapshot = await registry.snapshot('production');
  const acknowledge = (id: string, state: 'active' | 'rejected', revision: number, error?: string) =>
    registry.renew({
      id,
      instance: `${id}-1`,
      running: { epoch, version, hash },
      projects: [{ name: 'pets', revision, state, ...(error !== undefined && { error }) }],
    });
  await acknowledge('a', 'active', 1);
  await acknowledge('b', 'rejected', 0, 'unknown variable');
  const { body } = await ask('GET', '/v1/environments/production/deployments');
  t.same(body.deployments[0].servers, [
    { id: 'a', state: 'active', revision: 1 },
    { id: 'b', state: 'rejected', revision: 0, error: 'unknown variable' },
    { id: 'c', state: 'pending', revision: 0 },
    { id: 'plain', state: 'unreported', revision: 0 },
  ]);
  t.same(
    body.servers.map((one: { state: string }) => one.state),
    ['current', 'current', 'behind', 'unreported'],
  );
  await ask('POST', '/v1/projects', { body: { ...sampleProject('pets'), version: '2' } });
  const next = await ask('PUT', '/v1/environments/production/deployments/pets');
  t.same(
    next.body.deployments[0].servers.map((one: { state: string }) => one.state),
    ['pending', 'pending', 'pending', 'unreported'],
    'an earlier rejection does not count for the next revision',
  );
});

test('revisions are deployed by number, rolled back and undeployed', async (t) => {
  const { ask, registry } = await controlUnderTest(t);
  await registry.putEnvironment('production', {});
  for (const version of ['one', 'two']) await ask('POST', '/v1/projects', { body: { ...sampleProject('pets'), version } });
  const path = '/v1/environments/production/deployments/pets';
  t.match((await ask('PUT', path, { body: { revision: 1 } })).body.deployments, [{ revision: 1 }]);
  t.match((await ask('PUT', path)).body.deployments, [{ revision: 2 }], 'without a body the newest is deployed');
  t.match((await ask('POST', `${path}/rollback`)).body, { version: 3, deployments: [{ revision: 1 }] });
  const gone = await ask('DELETE', path);
  t.same([gone.status, gone.body.version, gone.body.deployments], [200, 4, []]);
  t.equal((await ask('DELETE', path)).status, 404);
  t.equal((await ask('POST', `${path}/rollback`)).status, 404);
});

test('if-match deploys only if the version has not changed', async (t) => {
  const { ask, registry } = await controlUnderTest(t);
  await registry.putEnvironment('production', {});
  await ask('POST', '/v1/projects', { body: sampleProject('pets') });
  await ask('POST', '/v1/projects', { body: sampleProject('shop') });
  const deploy = (project: string, match: string) =>
    ask('PUT', `/v1/environments/production/deployments/${project}`, { headers: { 'if-match': match } });
  t.equal((await deploy('pets', '"0"')).status, 200);
  const late = await deploy('shop', '"0"');
  t.same([late.status, late.body.code], [412, 'version-mismatch']);
  t.equal((await deploy('shop', '*')).status, 200);
  for (const nonsense of ['0', 'W/"0"', '"0", "1"', '""', '"-1"', '"1e3"']) t.equal((await deploy('pets', nonsense)).status, 400, nonsense);
  const undeploy = await ask('DELETE', '/v1/environments/production/deployments/pets', { headers: { 'if-match': '"1"' } });
  t.equal(undeploy.status, 412);
  const etag = (await ask('GET', '/v1/environments/production/deployments')).headers.get('etag');
  t.equal(etag, '"2"');
});

test('impossible deployments are refused with a reason', async (t) => {
  const { ask, registry } = await controlUnderTest(t);
  await registry.putEnvironment('production', {});
  await ask('POST', '/v1/projects', { body: sampleProject('pets') });
  await ask('POST', '/v1/projects', { body: sampleProject('rival', '/pets/') });
  await ask('PUT', '/v1/environments/production/deployments/pets');
  const refusals: [path: string, body: unknown, status: number, code: string][] = [
    ['/v1/environments/production/deployments/rival', {}, 409, 'base-path-taken'],
    ['/v1/environments/production/deployments/pets', { revision: 9 }, 404, 'not-found'],
    ['/v1/environments/production/deployments/nothing', {}, 404, 'not-found'],
    ['/v1/environments/nowhere/deployments/pets', {}, 404, 'not-found'],
    ['/v1/environments/production/deployments/pets', { revision: 0 }, 422, 'invalid'],
    ['/v1/environments/production/deployments/pets', { revision: '1' }, 422, 'invalid'],
    ['/v1/environments/production/deployments/pets', { rev: 1 }, 422, 'invalid'],
    ['/v1/environments/production/deployments/a%2fb', {}, 422, 'invalid'],
    [`/v1/environments/production/deployments/${'x'.repeat(64)}`, {}, 422, 'invalid'],
  ];
  for (const [path, body, status, code] of refusals) {
    const answer = await ask('PUT', path, { body });
    t.same([answer.status, answer.body.code], [status, code], `${path} ${JSON.stringify(body)}: ${answer.body.detail}`);
  }
  t.equal((await registry.snapshot('production')).version, 1, 'nothing changed');
});

test('what servers would reject is refused with 422 and every fault, and changes nothing', async (t) => {
  const { ask, registry } = await controlUnderTest(t);
  await registry.putEnvironment('production', { variables: { backend: 'http://127.0.0.1:9201' } });
  const pets = (url: string, key: string) => ({
    ...sampleProject('pets'),
    targets: { default: { url } },
    policies: { proxyRequest: [{ apiKey: { keys: [key] } }] },
  });
  await ask('POST', '/v1/projects', { body: pets('${variables.backend}', 'k') });
  t.equal((await ask('PUT', '/v1/environments/production/deployments/pets', { body: {} })).status, 200);
  await ask('POST', '/v1/projects', { body: pets('${variables.nowhere}', '${variables.key}') });
  const deploy = await ask('PUT', '/v1/environments/production/deployments/pets', { body: {} });
  t.match(deploy, {
    status: 422,
    body: {
      code: 'invalid',
      detail: /^revision 2 of project "pets" cannot be served in environment "production": .*"nowhere".*"key"/,
      errors: [{ path: 'targets.default.url' }, { path: 'policies.proxyRequest.0.apiKey.keys.0' }],
    },
  });
  const lost = await ask('PUT', '/v1/environments/production', { body: { variables: { other: 'x' } } });
  t.match(lost, {
    status: 422,
    body: { code: 'invalid', detail: /project pets@1 .*no variable "backend"/, errors: [{ path: 'variables' }] },
  });
  t.match(await registry.snapshot('production'), { version: 1, variables: { backend: 'http://127.0.0.1:9201' } });
});

test('stored responses are removed by project, tag and path', async (t) => {
  const { ask, registry } = await controlUnderTest(t);
  await registry.putEnvironment('production', {});
  const heard: unknown[] = [];
  const watch = registry.watch((news) => heard.push(news));
  t.teardown(() => watch.close());
  await watch.ready;
  const purged = await ask('DELETE', '/v1/environments/production/cache?project=shop&tag=fish&path=/shop/*');
  t.match([purged.status, purged.body], [204, '']);
  t.equal((await ask('DELETE', '/v1/environments/production/cache')).status, 204);
  t.same(heard, [
    { kind: 'purge', name: 'production', project: 'shop', tag: 'fish', path: '/shop/*' },
    { kind: 'purge', name: 'production' },
  ]);
  t.match(await ask('DELETE', '/v1/environments/other/cache'), { status: 404, body: { code: 'not-found' } });
  for (const query of ['path=shop', 'projects=shop'])
    t.match(await ask('DELETE', `/v1/environments/production/cache?${query}`), { status: 422, body: { code: 'invalid' } });
});
