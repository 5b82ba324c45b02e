import { test } from 'tap';
import { operating } from '../cli/command-line.ts';
import { controlUnderTest, joinRequest, liveServer, sampleProject } from './control-under-test.ts';

test('DELETE of projects and revisions: refused while in use, conditional, then 404; the command prints the same', async (t) => {
  const under = await controlUnderTest(t);
  const { ask, registry } = under;
  const sluice = operating(under);
  for (const version of ['1', '2', '3']) await registry.pushProject({ ...sampleProject('pets'), version } as never);
  await registry.putEnvironment('production', {});
  await registry.deploy('production', 'pets', { revision: 2 });
  const used = await ask('DELETE', '/v1/projects/pets');
  t.match(used, { status: 409, body: { code: 'in-use', detail: /"production" runs it: sluice undeploy pets --environment production$/ } });
  t.match(await ask('DELETE', '/v1/projects/pets/revisions/2'), { status: 409, body: { code: 'in-use' } });
  t.match(await sluice('project', 'delete', 'pets@2'), {
    status: 1,
    out: '',
    err: `error: ${(await ask('DELETE', '/v1/projects/pets/revisions/2')).body.detail}`,
  });
  const etag = (await ask('GET', '/v1/projects/pets')).headers.get('etag') ?? '';
  t.match(await ask('DELETE', '/v1/projects/pets/revisions/3', { headers: { 'if-match': etag } }), { status: 204, body: '' });
  for (const path of ['/v1/projects/pets', '/v1/projects/pets/revisions/1'])
    t.match(await ask('DELETE', path, { headers: { 'if-match': etag } }), { status: 412, body: { code: 'version-mismatch' } });
  t.match(await sluice('project', 'delete', 'pets@1', '--json'), { status: 0, out: '{\n  "deleted": "pets@1"\n}' });
  t.match(await sluice('project', 'delete', 'pets@1'), { status: 1, err: /no revision 1; known: 2/ });
  await registry.undeploy('production', 'pets');
  t.match(await sluice('project', 'delete', 'pest'), { status: 1, err: /did you mean "pets"/ });
  t.match(await sluice('project', 'delete', 'pets'), { status: 0, out: 'pets deleted', err: '' });
  t.equal((await ask('DELETE', '/v1/projects/pets')).status, 404);
  t.match((await sluice('completion', 'bash', '--', 'project', 'del')).out, 'delete');
});

test('DELETE of servers: only a lost one is forgotten', async (t) => {
  const under = await controlUnderTest(t);
  const { ask, registry, live } = under;
  const sluice = operating(under);
  await registry.putEnvironment('production', { servers: [{ id: 'fixed', address: '127.0.0.1:1' }] });
  await registry.join(joinRequest('a', 'production'));
  await registry.join({ ...joinRequest('b', 'production'), ttl: 1 });
  await registry.join({ ...joinRequest('c', 'production'), ttl: 1 });
  live.push(liveServer('fixed', 'production'), liveServer('c', 'production', { leaseEndedAt: 1 }));
  t.match(await ask('DELETE', '/v1/servers/a'), {
    status: 409,
    body: { code: 'in-use', detail: /server "a" is joining: .*sluice server remove a/ },
  });
  t.match(await ask('DELETE', '/v1/servers/fixed'), {
    status: 409,
    body: { code: 'conflict', detail: /static: take it out of servers in environment "production"/ },
  });
  t.match(await ask('DELETE', '/v1/servers/none'), { status: 404, body: { code: 'not-found' } });
  const etag = (await ask('GET', '/v1/servers/b')).headers.get('etag') ?? '';
  t.match((await ask('GET', '/v1/servers/b')).body, { state: 'lost' });
  t.match(await ask('DELETE', '/v1/servers/c'), { status: 409, body: { code: 'in-use' } }, 'its lease ended, but it still answers');
  t.match(await ask('DELETE', '/v1/servers/b', { headers: { 'if-match': '"other"' } }), { status: 412 });
  t.match(await ask('DELETE', '/v1/servers/b', { headers: { 'if-match': etag } }), { status: 204 });
  t.equal((await ask('GET', '/v1/servers/b')).status, 404);
  t.match(await sluice('server', 'forget', 'a'), { status: 1, out: '', err: /only a lost server can be forgotten/ });
  live.length = 0;
  t.match(await sluice('server', 'forget', 'c'), { status: 0, out: 'c forgotten', err: '' });
});
