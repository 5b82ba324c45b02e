import { test } from 'tap';
import { controlUnderTest, joinRequest, liveServer, sampleProject, tokens } from '../control/control-under-test.ts';
import { ownFolder } from '../tools/own-folder.ts';
import { operating, run } from './command-line.ts';

test('environments are created, listed, shown and deleted', async (t) => {
  const under = await controlUnderTest(t, { files: { 'e.yaml': 'listen: 127.0.0.1:8099\nhealth: of\n' } });
  const sluice = operating(under);
  t.match(await sluice('env', 'create', 'production', '--listen', '127.0.0.1:8080', '--balance', 'least-connections'), {
    status: 0,
    out: 'environment production created, listening on 127.0.0.1:8080',
    err: '',
  });
  const again = await sluice('env', 'create', 'production');
  t.match(again, { status: 1, err: 'error: environment production already exists: see "sluice env show production"' });
  t.equal((await under.registry.environment('production'))?.spec.balance, 'least-connections', 'its settings are unchanged');

  t.match(await sluice('env', 'create', 'staging'), { status: 0, err: /note: production already gets every request at 127\.0\.0\.1:8080/ });
  t.match(await sluice('env', 'create', 'hosted', '--host', 'a.example.com', '*.b.example.com'), {
    status: 0,
    out: /for a\.example\.com, \*\.b\.example\.com/,
    err: '',
  });
  const wrong = await sluice('env', 'create', 'wrong', '--balance', 'fair');
  t.equal(wrong.status, 1);
  t.match(wrong.err, /balance.*round-robin/);
  const list = await sluice('env', 'list');
  t.match(list.out.split('\n')[0], /^ENVIRONMENT +LISTENER +HOSTS +BALANCE +WANTED$/);
  t.match(list.out, /production +127\.0\.0\.1:8080 +\* +least-connections +v0/);
  t.same(
    JSON.parse((await sluice('env', 'list', '--json')).out).map((one: { name: string }) => one.name),
    ['hosted', 'production', 'staging'],
  );
  t.match(await sluice('env', 'show', 'production'), { status: 0, out: /balance: least-connections[\s\S]*no servers/ });
  t.match(await sluice('env', 'delete', 'staging'), { status: 0, out: 'environment staging deleted' });
  t.match(await sluice('env', 'show', 'staging'), { status: 1, err: /there is no environment "staging"/, out: '' });
  await under.registry.join(joinRequest('a', 'production'));
  t.match(await sluice('env', 'delete', 'production'), { status: 1, err: /use --force to delete it anyway/ });
  t.equal((await sluice('env', 'delete', 'production', '--force')).status, 0);

  const file = `${under.folder}/e.yaml`;
  t.match(await sluice('env', 'create', 'filed', '--file', file), {
    status: 1,
    err: new RegExp(`^${file}:2: health: .*\nerror: ${file} was refused: 1 fault$`),
  });
});

test('servers are added, drained, resumed, given a weight and removed; the command waits for the change', async (t) => {
  const under = await controlUnderTest(t);
  const { registry, live } = under;
  const sluice = operating(under);
  for (const name of ['production', 'staging']) await registry.putEnvironment(name, {});
  const { server } = await registry.join(joinRequest('a'));
  t.match(await sluice('server', 'list'), { out: /a +- +available +unknown +- +127\.0\.0\.1:9101 +1 +0 +0/ });

  // Plays the gateway and the balancer while the command waits, triggered by the registry's notifications.
  const watch = registry.watch((news) => {
    if (news.kind === 'server') void follow();
  });
  t.teardown(() => watch.close());
  await watch.ready;
  const follow = async () => {
    const record = await registry.server('a');
    if (record?.movingTo !== undefined) await registry.renew({ id: 'a', instance: server.instance, projects: [], drained: true });
    else if (record?.environment !== undefined && record.running === undefined) {
      const { epoch, version, hash } = await registry.snapshot(record.environment);
      await registry.renew({ id: 'a', instance: server.instance, projects: [], running: { epoch, version, hash } });
      live.splice(0, 1, liveServer('a', record.environment));
    }
  };
  t.match(await sluice('server', 'add', 'a', '--environment', 'production'), { status: 0, out: 'a is ready in production' });
  t.match(await sluice('server', 'add', 'a', '--environment', 'staging'), { status: 0, out: 'a is ready in staging' });
  t.match(await sluice('server', 'list', '-e', 'staging'), { out: /a +staging +ready +up +v0/ });

  live.splice(0, 1, liveServer('a', 'staging', { active: 2 }));
  const slow = await sluice('server', 'drain', 'a', '--timeout', '1ms');
  t.match(slow, {
    status: 1,
    err: /a {2}draining, 2 in flight[\s\S]*error: not done after 0\.001 s.*a is draining, 2 in flight; .*sluice server resume a/,
  });
  live.splice(0, 1, liveServer('a', 'staging'));
  t.match(await sluice('server', 'drain', 'a'), { status: 0, out: 'a is drained' });
  t.match(await sluice('server', 'resume', 'a'), { status: 0, out: 'a is ready, weight 1' });
  t.match(await sluice('server', 'weight', 'a', '5'), { status: 0, out: 'a is ready, weight 5' });
  live.splice(0, 1);
  t.match(await sluice('server', 'remove', 'a'), { status: 0, out: 'a is available' });
  t.match(await sluice('server', 'remove', 'a'), { status: 1, err: 'error: server a is in no environment' });
  t.match(await sluice('server', 'add', 'nobody', '-e', 'production'), { status: 1, err: /there is no server "nobody"/ });
  t.match(await sluice('server', 'add', 'a', '-e', 'nowhere'), { status: 1, err: /nowhere/ });
});

test('projects are validated, pushed, listed and shown', async (t) => {
  const files = {
    'pets.yaml': 'name: pets\nversion: "1.0"\nbasePath: /pets\ntargets:\n  default: { url: "http://127.0.0.1:9201" }\n',
    'bad.yaml': 'name: pets\nbasePath: pets\ntargets:\n  default: { url: nowhere }\nmore: 1\n',
    'policy.yaml':
      'name: pets\nbasePath: /pets\ntargets: { default: { url: "http://127.0.0.1:1" } }\npolicies:\n  proxyRequest:\n    - nonsense: {}\n',
    'broken.yaml': 'name: "pets\n',
    'binary.yaml': Buffer.from([0x80, 0x81, 0xff]),
  };
  const under = await controlUnderTest(t, { files });
  const { folder } = under;
  const sluice = operating(under);
  t.match(await sluice('project', 'push', `${folder}/pets.yaml`), { status: 0, out: 'pets@1', err: '' });
  t.match(await sluice('project', 'push', `${folder}/pets.yaml`), { status: 0, out: 'pets@1' });
  t.same(JSON.parse((await sluice('project', 'push', `${folder}/pets.yaml`, '--json')).out), { name: 'pets', revision: 1 });
  t.match(await sluice('project', 'list'), { out: /PROJECT +NEWEST +VERSION +PUSHED\npets +1 +1\.0 +20/ });
  t.match(await sluice('project', 'show', 'pets'), { out: /^# pets@1, pushed .*\nname: pets\n[\s\S]*basePath: \/pets/ });
  t.match(await sluice('project', 'show', 'pets@1', '--json'), { out: /"forwardBasePath": false/ });
  t.match(await sluice('project', 'show', 'pets@9'), { status: 1, err: /no revision 9/ });
  t.match(await sluice('project', 'show', 'none'), { status: 1, err: /no project "none"/ });

  const offline = (...argv: string[]) => run(argv);
  t.match(await offline('project', 'validate', `${folder}/pets.yaml`), { status: 0, out: `${folder}/pets.yaml is valid: project pets` });
  for (const tell of [sluice, offline]) {
    const command = tell === sluice ? 'push' : 'validate';
    const bad = await tell('project', command, `${folder}/bad.yaml`);
    t.equal(bad.status, 1);
    const lines = bad.err.split('\n');
    t.match(lines[0], new RegExp(`^${folder}/bad\\.yaml:2: basePath: must be a path`));
    t.match(lines[1], /bad\.yaml:4: targets\.default\.url: must be an http/);
    t.match(lines[2], /bad\.yaml:5: more: is unknown/);
    t.equal(lines[3], `error: ${folder}/bad.yaml was refused: 3 faults`);
    t.equal(lines.length, 4);
    t.match(await tell('project', command, `${folder}/policy.yaml`), {
      status: 1,
      err: /policy\.yaml:6: policies\.proxyRequest\.0\.nonsense: there is no policy/,
    });
    t.match(await tell('project', command, `${folder}/broken.yaml`), { status: 1, err: /broken\.yaml:\d: .*not valid YAML/ });
    t.match(await tell('project', command, `${folder}/binary.yaml`), { status: 1, err: /binary\.yaml: is not UTF-8/ });
    t.match(await tell('project', command, `${folder}/none.yaml`), { status: 1, err: /none\.yaml: there is no such file/ });
    t.match(await tell('project', command, folder), { status: 1, err: /it is a folder/ });
  }
});

test('deploy --wait fails if no server runs the revision', async (t) => {
  const under = await controlUnderTest(t);
  const { registry } = under;
  const sluice = operating(under);
  await registry.putEnvironment('production', { servers: [{ id: 'fixed', address: '127.0.0.1:9' }] });
  for (const version of ['one', 'two']) await under.ask('POST', '/v1/projects', { body: { ...sampleProject('pets'), version } });
  t.match(await sluice('deploy', 'pets@1', '-e', 'production'), { status: 0 }, 'without --wait it is enough that it is stored');
  for (const command of [
    ['deploy', 'pets@2'],
    ['rollback', 'pets'],
  ]) {
    const { status, out, err } = await sluice(...command, '-e', 'production', '--wait');
    t.match({ status, out }, { status: 1, out: '' });
    t.match(
      err,
      /error: pets@. deployed to production, now at version ., but nothing runs it: production has no servers that take projects; servers that join get it$/,
    );
  }
  t.match(await sluice('undeploy', 'pets', '-e', 'production', '--wait'), { status: 0 }, 'no server serves it any more');
});

test('deploy --wait waits for every server and fails if one rejects the revision', async (t) => {
  const under = await controlUnderTest(t);
  const { registry } = under;
  const sluice = operating(under);
  await registry.putEnvironment('production', {});
  for (const id of ['a', 'b']) await registry.join(joinRequest(id, 'production'));
  for (const version of ['one', 'two', 'three']) await under.ask('POST', '/v1/projects', { body: { ...sampleProject('pets'), version } });

  const table = new Map<string, string | undefined>();
  const watch = registry.watch((news) => {
    if (news.kind === 'snapshot') void acknowledge();
  });
  t.teardown(() => watch.close());
  await watch.ready;
  const acknowledge = async () => {
    const { epoch, version, hash, projects } = await registry.snapshot('production');
    for (const id of ['a', 'b']) {
      const error = table.get(id);
      const states = projects.map(({ name, revision }) =>
        error === undefined ? { name, revision, state: 'active' as const } : { name, revision: 0, state: 'rejected' as const, error },
      );
      await registry.renew({ id, instance: `${id}-1`, running: { epoch, version, hash }, projects: states });
    }
  };
  t.match(await sluice('deploy', 'pets@1', '-e', 'production', '--wait'), { status: 0, out: 'pets@1 is active on 2 of 2 servers' });
  t.match(await sluice('deploy', 'pets', '-e', 'production'), {
    status: 0,
    out: 'pets@3 deployed to production, now at version 2',
    err: '',
  });
  t.match(await sluice('rollback', 'pets', '-e', 'production', '--wait', '--json'), { status: 0, out: /"revision": 1/ });
  table.set('b', 'no such\u001b[31m variable');
  const rejected = await sluice('deploy', 'pets@2', '-e', 'production', '--wait');
  t.equal(rejected.status, 1);
  t.match(rejected.err, /b rejected pets@2: no such \[31m variable\nerror: pets@2 was rejected by 1 of 2 servers$/);
  t.match(await sluice('status'), { out: /b: rejecting: pets: no such/ });
  t.match(await sluice('undeploy', 'pets', '-e', 'production'), { status: 0, out: 'pets undeployed from production, now at version 5' });
  t.match(await sluice('undeploy', 'pets', '-e', 'production'), { status: 1, out: '' });
  watch.close();
  const silent = await sluice('deploy', 'pets', '-e', 'production', '--wait', '--timeout', '1ms');
  t.match(silent, {
    status: 1,
    err: /a {2}loading\nb {2}loading\nerror: not done after 0.001 s.*0 of 2 servers done, waiting for a, b; see "sluice status"/,
  });
});

test('status prints tables that fit the width of the terminal', async (t) => {
  const under = await controlUnderTest(t);
  const { registry, live, control } = under;
  const env = { SLUICE_CONTROL: control.url, SLUICE_ADMIN_TOKEN: tokens.admin };
  t.match(await run(['status'], { env }), { status: 0, out: 'no environments\n\nno servers' });
  await registry.putEnvironment('production', {});
  const id = 'a-gateway-with-quite-a-long-name-indeed';
  await registry.join(joinRequest(id, 'production'));
  live.push(liveServer(id, 'production', { health: 'down', reason: 'connect refused', requests: 7 }));
  const narrow = await run(['status'], { env, columns: 90 });
  t.ok(
    narrow.out.split('\n').every((line) => line.length <= 90),
    narrow.out,
  );
  t.match(narrow.out, /no room for ADDRESS, WEIGHT, ACTIVE/, 'the id stays whole');
  t.match(narrow.out, new RegExp(`production: none of its servers takes requests\n${id}: down: connect refused$`));
  const wide = await run(['status'], { env });
  t.match(wide.out, new RegExp(`${id} +production +joining +down +- +127\\.0\\.0\\.1:9101 +1 +0 +7`));
  const json = JSON.parse((await run(['status', '--json'], { env })).out);
  t.same([json.environments.length, json.servers[0].id], [1, id]);
});

test('status says what is wrong, and an unknown name is answered with a similar known one', async (t) => {
  const under = await controlUnderTest(t);
  const { registry, live } = under;
  const sluice = operating(under);
  for (const name of ['production', 'staging']) await registry.putEnvironment(name, {});
  await registry.pushProject({ ...sampleProject('petstore') } as never);
  for (const id of ['ahead', 'behind']) {
    await registry.join(joinRequest(id, 'production'));
    live.push(liveServer(id, 'production'));
  }
  const old = await registry.snapshot('production');
  await registry.deploy('production', 'petstore');
  const now = await registry.snapshot('production');
  const idOf = ({ epoch, version, hash }: typeof now) => ({ epoch, version, hash });
  await registry.renew({ id: 'ahead', instance: 'ahead-1', projects: [], running: idOf(now) });
  await registry.renew({ id: 'behind', instance: 'behind-1', projects: [], running: idOf(old) });
  const { out } = await sluice('status');
  t.match(out, /\nproduction .* v1 +2 of 2\nstaging .* v0 +0 of 0\n/);
  t.match(
    out,
    /\nstaging: 127\.0\.0\.1:8080 is not open on this balancer: see its log for the reason\nstaging: no servers: requests get 503/,
  );
  t.match(out, /; add one with "sluice server add ID --environment staging"\n/);
  t.match(out, /\nbehind: behind: it runs v0 instead of v1: if that lasts, see its log or restart behind$/);

  const table: [words: string[], meant: string][] = [
    [['env', 'show', 'prodution'], 'production'],
    [['env', 'show', 'sta'], 'staging'],
    [['server', 'drain', 'behin'], 'behind'],
    [['server', 'list', '-e', 'stagin'], 'staging'],
    [['deploy', 'petsore', '-e', 'production'], 'petstore'],
    [['deploy', 'petstore', '-e', 'productoin'], 'production'],
    [['project', 'show', 'pet'], 'petstore'],
  ];
  for (const [words, meant] of table) {
    const { status, err } = await sluice(...words);
    t.equal(status, 1);
    t.match(err, new RegExp(`^error: .*; did you mean "${meant}"\\?$`), words.join(' '));
  }
  t.notMatch((await sluice('env', 'show', 'something-else')).err, /did you mean/);
});

test('a refused or missing token is reported with the places where a token is looked for', async (t) => {
  const files = { with: { data: { 'admin.token': `${tokens.admin}\n` } }, without: {}, empty: { data: { 'admin.token': '' } } };
  const { control, folder } = await controlUnderTest(t, { files });
  const place = ['--control', `${control.url}/`];
  const given = await run(['status', ...place, '--token', 'wrong-token-given']);
  t.match(given, { status: 1, err: /refused the token given as --token.*SLUICE_ADMIN_TOKEN.*admin\.token/ });
  t.notMatch(given.err, /wrong-token-given/);
  t.match(await run(['status', ...place], { env: { SLUICE_ADMIN_TOKEN: 'wrong-token-set' } }), {
    err: /refused the token in SLUICE_ADMIN_TOKEN/,
  });
  t.equal((await run(['status', ...place, '--token', tokens.admin])).status, 0);

  const before = process.cwd();
  t.teardown(() => process.chdir(before));
  process.chdir(`${folder}/without`);
  t.match(await run(['status', ...place]), { status: 1, err: /no admin token was found/ });
  process.chdir(`${folder}/with`);
  t.equal((await run(['status', ...place])).status, 0);
  process.chdir(`${folder}/empty`);
  t.match(await run(['status', ...place]), { status: 1, err: /admin\.token is empty/ });
});

test('another HTTP server at the control address is reported as such', async (t) => {
  const { createServer } = await import('node:http');
  const server = createServer((_request, response) => response.end('<html>hello</html>')).listen(0, '127.0.0.1');
  t.teardown(() => server.close());
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address() as { port: number };
  t.match(await run(['status', '--control', `http://127.0.0.1:${port}`, '--token', 'x']), {
    status: 1,
    err: /not like Sluice's admin API/,
  });
});

test('configurations are checked without a balancer', async (t) => {
  const folder = ownFolder(t, {
    'good.yaml': 'environments:\n  production: { listen: 127.0.0.1:8080 }\n',
    'bad.yaml': 'dataDir: ./data\ncontrol: { listen: nowhere }\nextra: 1\n',
  });
  t.match(await run(['config', 'check', `${folder}/good.yaml`]), {
    status: 0,
    out: /good\.yaml is valid: production on 127\.0\.0\.1:8080/,
  });
  const bad = await run(['config', 'check', `${folder}/bad.yaml`]);
  t.equal(bad.status, 1);
  t.match(
    bad.err,
    /bad\.yaml:2: control\.listen: must be HOST:PORT[\s\S]*bad\.yaml:3: extra: is unknown[\s\S]*error: .*bad\.yaml was refused: 2 faults/,
  );
  t.match(await run(['config', 'check', `${folder}/none.yaml`]), { status: 1, err: /none\.yaml/ });
});
