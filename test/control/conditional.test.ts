import { test } from 'tap';
import { noServerCounts } from '../../src/model/counts.ts';
import { controlUnderTest, joinRequest, sampleProject } from './control-under-test.ts';

/** A control and a function that returns the ETag of a path. */
async function setUp(t: Parameters<typeof controlUnderTest>[0]) {
  const under = await controlUnderTest(t);
  const tagOf = async (path: string) => {
    const tag = (await under.ask('GET', path)).headers.get('etag');
    t.match(tag, /^"[0-9a-f-]+"$/, `${path} has an ETag`);
    return tag as string;
  };
  return { ...under, tagOf };
}

test('an environment is replaced or deleted only if it has not changed', async (t) => {
  const { ask, tagOf, registry } = await setUp(t);
  const path = '/v1/environments/production';
  const put = (body: object, match: string) => ask('PUT', path, { body, headers: { 'if-match': match } });
  t.match(await put({}, '*'), { status: 412, body: { code: 'version-mismatch', detail: /does not exist/ } });
  t.equal(await registry.environment('production'), undefined);
  await ask('PUT', path, { body: { slowStart: '1s' } });

  const first = await tagOf(path);
  const changed = await put({ slowStart: '2s' }, first);
  t.equal(changed.status, 200);
  const second = await tagOf(path);
  t.not(second, first, 'the tag changes with the settings');
  t.equal(changed.headers.get('etag'), second);
  t.match(await put({ slowStart: '3s' }, first), { status: 412, body: { code: 'version-mismatch', detail: /has changed/ } });
  t.match(await put({ slowStart: '3s' }, `W/${second}`), { status: 412 }, 'a weak tag never matches');
  t.match(await put({ slowStart: '3s' }, 'nonsense'), { status: 400 });
  t.match(await ask('DELETE', path, { headers: { 'if-match': first } }), { status: 412 });
  t.match(await ask('DELETE', `${path}?force`, { headers: { 'if-match': first } }), { status: 412 });
  t.equal((await registry.environment('production'))?.spec.slowStart, 2000);

  await ask('POST', '/v1/projects', { body: sampleProject('pets') });
  t.equal(
    (await ask('PUT', `${path}/deployments/pets`, { headers: { 'if-match': second } })).status,
    200,
    'its tag serves for deployments',
  );
  t.not(await tagOf(path), second, 'the tag changes with the deployments');
  t.equal((await put({ slowStart: '3s' }, second)).status, 412);
  t.equal((await put({ slowStart: '3s' }, `"other", ${await tagOf(path)}`)).status, 200, 'one of several tags');
  t.equal((await ask('DELETE', `${path}?force`, { headers: { 'if-match': await tagOf(path) } })).status, 204);
});

test('of two operators who change what both have read, one gets 412', async (t) => {
  const { ask, tagOf } = await setUp(t);
  const path = '/v1/environments/production';
  await ask('PUT', path, { body: {} });
  const tag = await tagOf(path);
  const answers = await Promise.all(
    [1, 2, 3, 4].map((weight) => ask('PUT', path, { body: { slowStart: `${weight}s` }, headers: { 'if-match': tag } })),
  );
  t.strictSame(answers.map(({ status }) => status).sort(), [200, 412, 412, 412]);
});

test('a server is changed or moved only if it has not changed', async (t) => {
  const { ask, tagOf, registry } = await setUp(t);
  await registry.putEnvironment('production', {});
  await registry.join(joinRequest('a'));
  const first = await tagOf('/v1/servers/a');
  const requests = (match: string) => [
    ask('PATCH', '/v1/servers/a', { body: { weight: 5 }, headers: { 'if-match': match } }),
    ask('PUT', '/v1/environments/production/servers/a', { headers: { 'if-match': match } }),
  ];
  const patched = await ask('PATCH', '/v1/servers/a', { body: { weight: 2 }, headers: { 'if-match': first } });
  t.match(patched, { status: 200, body: { weight: 2 } });
  for (const answer of await Promise.all(requests(first))) t.match(answer, { status: 412, body: { code: 'version-mismatch' } });
  t.match(await registry.server('a'), { weight: 2 });
  const moved = await ask('PUT', '/v1/environments/production/servers/a', { headers: { 'if-match': await tagOf('/v1/servers/a') } });
  t.match(moved, { status: 200, body: { environment: 'production' } });
  const removal = (match: string) => ask('DELETE', '/v1/environments/production/servers/a', { headers: { 'if-match': match } });
  t.match(await removal(first), { status: 412 });
  t.match(await removal(moved.headers.get('etag') as string), { status: 200 });
});

test('a project is pushed only if no one else has pushed a revision', async (t) => {
  const { ask, tagOf } = await setUp(t);
  const push = (version: string, match: string) =>
    ask('POST', '/v1/projects', { body: { ...sampleProject('pets'), version }, headers: { 'if-match': match } });
  t.match(await push('1', '*'), { status: 412 });
  await ask('POST', '/v1/projects', { body: sampleProject('pets') });
  const first = await tagOf('/v1/projects/pets');
  t.match(await push('2', first), { status: 201, body: { revision: 2 } });
  t.match(await push('3', first), { status: 412 });
  t.match(await push('3', await tagOf('/v1/projects/pets')), { status: 201, body: { revision: 3 } });
});

test('an id names one server: another environment cannot list it, and another server cannot join with it', async (t) => {
  const { ask, registry } = await setUp(t);
  const put = (env: string, id: string) =>
    ask('PUT', `/v1/environments/${env}`, {
      body: { listen: `127.0.0.1:${env.length}`, servers: [{ id, address: '127.0.0.1:9' }] },
    });
  t.match(await put('one', 'a'), { status: 201 });
  t.match(await put('three', 'a'), {
    status: 422,
    body: { errors: [{ path: 'servers.0.id', message: /is the id of a server in "one" as well/ }] },
  });
  t.equal(await registry.environment('three'), undefined);
  await registry.putEnvironment('production', {});
  await t.rejects(registry.join(joinRequest('a', 'production')), {
    code: 'conflict',
    message: /static server of environment "one".*another id/,
  });
  await t.rejects(registry.join(joinRequest('a')), { code: 'conflict' });
  t.match(await registry.join(joinRequest('a', 'one')), { server: { id: 'a' } }, 'in the same environment it replaces the static one');
  await registry.join(joinRequest('b', 'production'));
  t.match(await put('three', 'b'), {
    status: 422,
    body: { errors: [{ path: 'servers.0.id', message: /registered server, which is in "production"/ }] },
  });
  await t.rejects(registry.assign('a', 'production'), { code: 'conflict' });
});

test('servers of one id in two environments have their own health and counts', async (t) => {
  const { ask, registry, live } = await setUp(t);
  await registry.putEnvironment('production', {});
  await registry.join(joinRequest('a', 'production'));
  // As an older version allowed.
  await registry.putEnvironment('one', { servers: [{ id: 'a', address: '127.0.0.1:9' }] });
  const common = { id: 'a', weight: 1, active: 0, upgraded: 0, connections: 0, idle: 0 };
  live.push({ ...noServerCounts, ...common, environment: 'production', address: '127.0.0.1:1', health: 'up', requests: 7 });
  live.push({ ...noServerCounts, ...common, environment: 'one', address: '127.0.0.1:9', health: 'down', requests: 3 });
  t.match((await ask('GET', '/v1/servers')).body, [
    { environment: 'production', health: 'up', requests: 7, source: 'join' },
    { environment: 'one', health: 'down', requests: 3, source: 'static' },
  ]);
  t.match((await ask('GET', '/v1/servers/a')).body, { environment: 'production', health: 'up' });
});
