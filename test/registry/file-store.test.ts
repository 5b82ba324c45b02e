import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdir, readdir, readFile, rename, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import t, { type Test } from 'tap';
import { type Clock, systemClock } from '../../src/model/clock.ts';
import type { Registry } from '../../src/registry/contract.ts';
import { openRegistry } from '../../src/registry/open-registry.ts';
import { api, deployed, listen, request } from '../contract/registry-samples.ts';
import { silentLogger as logger } from '../tools/fake-logger.ts';
import { ownFolder } from '../tools/own-folder.ts';

t.test('after a kill at any moment the file loads and has every acknowledged change', async (t) => {
  const folder = ownFolder(t);
  let acknowledged = 0;
  // Kills at the very first acknowledgement, and in the middle of the writes that follow one.
  for (const [round, lines] of [1, 7, 2, 23, 5, 40].entries()) {
    const writer = spawn(process.execPath, ['--import=tsx', join(import.meta.dirname, 'file-store-writer.ts'), folder], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    t.teardown(() => writer.kill('SIGKILL'));
    let left = lines;
    for await (const line of createInterface({ input: writer.stdout })) {
      acknowledged = Number(line);
      if (--left === 0) setTimeout(() => writer.kill('SIGKILL'), round);
    }
    t.equal(writer.signalCode ?? (await once(writer, 'exit'))[1], 'SIGKILL');
    const registry = await openRegistry({ url: `embedded:${folder}`, logger });
    const { version, projects } = await registry.snapshot('production');
    t.ok(version === acknowledged || version === acknowledged + 1, `${version} of ${acknowledged} acknowledged`);
    t.equal(projects[0]?.project.version, `${version}`);
    t.equal((await registry.environment(`environment-${acknowledged % 7}`))?.spec.variables['version'], `${acknowledged}`);
    await registry.close();
  }
  t.ok(acknowledged > 70);
});

t.test('everything is kept over a restart; leases start again with their whole ttl', async (t) => {
  const folder = ownFolder(t);
  const clock = forwardClock();
  const first = await openRegistry({ url: `embedded:${folder}`, logger, clock });
  const snapshot = await deployed(first, 'production', 'shop');
  await first.join(request('one', { environment: 'production', ttl: 1000 }));
  await first.join(request('two'));
  await first.patchServer('two', { weight: 5 });
  await first.assign('two', 'production');
  await first.join(request('gone'));
  await first.leave('gone', 'gone-1');
  await first.close();
  clock.ahead += 5000;

  const second = await open(t, folder, clock);
  t.same(await second.snapshot('production'), snapshot);
  t.equal((await second.environments()).length, 1);
  t.equal((await second.projects())[0]?.latest, 1);
  t.same(
    (await second.servers()).map(({ id, environment, weight }) => ({ id, environment, weight })),
    [
      { id: 'one', environment: 'production', weight: 1 },
      { id: 'two', environment: 'production', weight: 5 },
    ],
  );
  t.equal((await second.server('one'))?.leaseRemaining, 1000);
  t.equal((await second.renew({ id: 'one', instance: 'one-1', projects: [] })).server.environment, 'production');
});

t.test('only the first report of a running snapshot is written to disk', async (t) => {
  const folder = ownFolder(t);
  const registry = await open(t, folder);
  const { epoch, version, hash } = await deployed(registry, 'production', 'shop');
  await registry.join(request('one', { environment: 'production' }));
  const report = (version: number) => registry.renew({ id: 'one', instance: 'one-1', running: { epoch, version, hash }, projects: [] });
  const { size: before } = await stat(join(folder, 'registry.journal'));
  await report(version);
  const { size } = await stat(join(folder, 'registry.journal'));
  t.ok(size > before, 'the first report outlives a restart');
  for (let times = 0; times < 3; times++) await report(version + times);
  await registry.join(request('one'));
  t.equal((await stat(join(folder, 'registry.journal'))).size, size);
  t.equal((await registry.server('one'))?.running?.version, version + 2);
});

t.test('servers that were lost for an hour are removed', async (t) => {
  const clock = forwardClock();
  const registry = await open(t, ownFolder(t), clock);
  for (const id of ['one', 'two']) await registry.join(request(id));
  clock.ahead += 3_600_000;
  await registry.renew({ id: 'two', instance: 'two-1', projects: [] });
  t.equal((await registry.servers()).length, 2);
  clock.ahead += 20_000;
  const heard = await listen(t, registry);
  t.same(
    (await registry.servers()).map(({ id }) => id),
    ['two'],
  );
  clock.ahead += 60_000;
  await registry.servers();
  await heard.until((news) => news.kind === 'server' && news.name === 'one');
  t.equal(await registry.server('one'), undefined);
  await t.rejects(registry.renew({ id: 'one', instance: 'one-1', projects: [] }), { code: 'not-found' });
});

t.test('a damaged file is refused with its name, the reason and the remedy, and is left unchanged', async (t) => {
  const folder = ownFolder(t);
  const file = join(folder, 'registry.json');
  const first = await openRegistry({ url: `embedded:${folder}`, logger });
  await deployed(first, 'production', 'shop');
  await first.close();
  const good = await readFile(file, 'utf8');
  const cases: [string, string, RegExp][] = [
    ['one character changed', good.replace('/shop', '/shap'), /checksum/],
    ['the end missing', good.slice(0, -20), /end is missing|checksum/],
    ['the last byte missing', good.slice(0, -1), /end is missing/],
    ['empty', '', /does not begin/],
    ['zeros', '\0'.repeat(good.length), /does not begin/],
    ['other JSON', '{"name":"x"}\n', /does not begin/],
    ['a newer format', good.replace('"format":2', '"format":3'), /format 3/],
    ['more after it', `${good}x`, /end is missing/],
  ];
  for (const [what, content, reason] of cases) {
    await writeFile(file, content);
    await t.rejects(openRegistry({ url: `embedded:${folder}`, logger }), { code: 'invalid', message: reason }, what);
    await t.rejects(openRegistry({ url: `embedded:${folder}`, logger }), { message: /registry\.json.*(restore it|run the Sluice)/ }, what);
    t.equal(await readFile(file, 'utf8'), content, 'untouched');
  }
  await writeFile(file, good);
  t.equal((await (await open(t, folder)).snapshot('production')).version, 1);
});

t.test('a change that cannot be written fails, and the old state is kept in memory and on disk', async (t) => {
  const folder = ownFolder(t);
  const registry = await open(t, folder);
  const snapshot = await deployed(registry, 'production', 'shop');
  await registry.pushProject(api('shop', { version: '2' }));
  const before = await readFile(join(folder, 'registry.json'), 'utf8');
  const heard = await listen(t, registry);

  // The journal and the next file are written to /dev/full, as if the disk were full.
  const journal = join(folder, 'registry.journal');
  await rename(journal, `${journal}.kept`);
  await symlink('/dev/full', journal);
  await symlink('/dev/full', join(folder, 'registry.json.new'));
  await t.rejects(registry.deploy('production', 'shop'), { code: 'unavailable', message: /ENOSPC.*|.*registry\.json cannot be written.*/ });
  t.same(await registry.snapshot('production'), snapshot);
  t.equal(await readFile(join(folder, 'registry.json'), 'utf8'), before);
  t.same(heard.all, []);
  await rm(journal);
  await rename(`${journal}.kept`, journal);
  t.same((await readdir(folder)).sort(), ['registry.journal', 'registry.json', 'registry.lock', 'revisions'], 'no file is left over');

  t.equal((await registry.deploy('production', 'shop')).version, 2, 'works again when there is room');
  await rename(journal, `${journal}.kept`);
  await mkdir(join(folder, 'registry.json.new'));
  const outcomes = await Promise.allSettled([registry.undeploy('production', 'shop'), registry.putEnvironment('x', {})]);
  for (const outcome of outcomes) t.match(outcome, { status: 'rejected', reason: { code: 'unavailable' } });
  t.equal((await registry.snapshot('production')).version, 2);
  await rm(join(folder, 'registry.json.new'), { recursive: true });
  await rename(`${journal}.kept`, journal);
  t.equal((await registry.undeploy('production', 'shop')).version, 3);
});

t.test('changes that arrive together are written together', async (t) => {
  const folder = ownFolder(t);
  const registry = await open(t, folder);
  await registry.putEnvironment('first', {});
  // Each write appends one line to the journal.
  const lines = async () => (await readFile(join(folder, 'registry.journal'), 'utf8')).split('\n').length;
  const before = await lines();
  await Promise.all(Array.from({ length: 200 }, (_, index) => registry.putEnvironment(`environment-${index}`, {})));
  t.equal((await registry.environments()).length, 201);
  const writes = (await lines()) - before;
  t.ok(writes > 0 && writes < 50, `${writes} writes for 200 changes`);
});

t.test('a second process is kept out of the folder; the lock of a dead process is taken over', async (t) => {
  const folder = ownFolder(t);
  const first = await openRegistry({ url: `embedded:${folder}`, logger });
  await t.rejects(openRegistry({ url: `embedded:${folder}`, logger }), {
    code: 'conflict',
    message: new RegExp(`in use by process ${process.pid}`),
  });
  await first.putEnvironment('production', {});
  await first.close();
  t.same(await readdir(folder), ['registry.json'], 'the lock is gone');

  const dead = spawn(process.execPath, ['-e', '']);
  await once(dead, 'exit');
  const lock = join(folder, 'registry.lock');
  const stale = {
    'of a dead process': { pid: dead.pid, started: '1', token: 'x' },
    'of another process with this id': { pid: process.pid, started: '1', token: 'x' },
  };
  for (const [what, content] of Object.entries({ ...stale, damaged: 'x' })) {
    await writeFile(lock, JSON.stringify(content));
    const registry = await openRegistry({ url: `embedded:${folder}`, logger });
    t.ok(await registry.environment('production'), what);
    await registry.close();
  }
});

t.test('a process in another container is kept out of the folder, and takes it over once its holder is silent', async (t) => {
  const isolated = ['--pid', '--fork', '--kill-child', '--mount-proc'];
  if (spawnSync('unshare', [...isolated, 'true']).status !== 0)
    return void t.pass('needs the right to make process namespaces', { skip: true });
  const folder = ownFolder(t);
  const writer = join(import.meta.dirname, 'lock-holder.ts');
  const start = () => {
    const child = spawn('unshare', [...isolated, process.execPath, '--import=tsx', writer, folder], { stdio: ['pipe', 'pipe', 'inherit'] });
    t.teardown(() => child.kill('SIGKILL'));
    const lines = createInterface({ input: child.stdout });
    return { child, said: once(lines, 'line').then(([line]) => String(line)) };
  };
  const first = start();
  t.equal(await first.said, 'opened by 1');
  const second = start();
  t.match(await second.said, /refused: .* is in use by process 1 of another container or machine: stop/);

  first.child.kill('SIGKILL');
  await once(first.child, 'exit');
  const [one, other] = [start(), start()];
  const said = [await one.said, await other.said].sort();
  t.match(said, ['opened by 1', /refused: .*in use/], 'one of two takes it over');
});

t.test('of many that open a folder with a stale lock at the same time, one can write', async (t) => {
  const folder = ownFolder(t, { 'registry.lock': '{}' });
  const outcomes = await Promise.allSettled(Array.from({ length: 8 }, () => openRegistry({ url: `embedded:${folder}`, logger })));
  const opened = outcomes.flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value] : []));
  const writing = await Promise.allSettled(opened.map((registry) => registry.putEnvironment('production', {})));
  t.equal(writing.filter(({ status }) => status === 'fulfilled').length, 1, `of ${opened.length} that opened it`);
  for (const registry of opened) await registry.close();
});

t.test('a process that lost the folder to another process cannot write any more', async (t) => {
  const folder = ownFolder(t);
  const first = await openRegistry({ url: `embedded:${folder}`, logger });
  await rename(join(folder, 'registry.lock'), join(folder, 'away'));
  const second = await open(t, folder);
  await second.putEnvironment('production', {});
  await t.rejects(first.putEnvironment('late', {}), { code: 'unavailable', message: /taken over the folder/ });
  await first.close();
  t.ok(await second.environment('production'));
  await second.putEnvironment('still', {});
});

t.test('a folder that cannot be used is refused with the reason', async (t) => {
  const folder = ownFolder(t, { file: '' });
  await t.rejects(openRegistry({ url: `embedded:${folder}/file/inner`, logger }), { code: 'unavailable', message: /ENOTDIR/ });
  await t.rejects(openRegistry({ url: 'embedded:', logger }), { code: 'invalid' });
  if (process.getuid?.() === 0) return;
  await chmod(folder, 0o500);
  await t.rejects(openRegistry({ url: `embedded:${folder}`, logger }), { code: 'unavailable', message: /EACCES/ });
  await chmod(folder, 0o700);
});

async function open(t: Test, folder: string, clock: Clock = systemClock): Promise<Registry> {
  const registry = await openRegistry({ url: `embedded:${folder}`, logger, clock });
  t.teardown(() => registry.close());
  return registry;
}

/** A clock that stands still until a test moves it forward. */
function forwardClock(): Clock & { ahead: number } {
  const clock = { ...systemClock, ahead: 0, now: (): number => clock.ahead };
  return clock;
}
