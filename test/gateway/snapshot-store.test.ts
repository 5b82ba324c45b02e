import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { incomplete, type SavedChange, savedChange } from '../../src/gateway/saved-project.ts';
import { SnapshotStore } from '../../src/gateway/snapshot-store.ts';
import { contentHash } from '../../src/model/content-hash.ts';
import type { DeployedProject } from '../../src/model/snapshot.ts';
import type { SnapshotUpdate } from '../../src/model/snapshot-update.ts';
import { keptLogger, silentLogger } from '../tools/fake-logger.ts';
import { ownFolder } from '../tools/own-folder.ts';
import { deployed, wholeOf } from './samples.ts';
import { hashed, step } from './snapshot-steps.ts';

const secret = hashed(deployed({ name: 'shop', policies: { proxyRequest: [{ apiKey: { keys: ['geheim-ü'] } }] } }));
const first = wholeOf(1, [secret], { variables: { a: 'line\nbreak' } });
const second = wholeOf(2, [hashed(deployed({ name: 'shop' }, 2))]);

const idOf = ({ epoch, version, hash }: SnapshotUpdate) => ({ epoch, version, hash });
const load = (folder: string, logger = silentLogger) => new SnapshotStore(folder, logger).load();

t.test('the next start loads what was saved', async (t) => {
  const { logger, lines } = keptLogger();
  const folder = join(ownFolder(t), 'data', 'gateway-1');
  t.equal(await load(folder, logger), undefined, 'a missing file is not a fault');
  const store = new SnapshotStore(folder, logger);
  await store.save(savedChange(first));
  t.same(await load(folder, logger), first);
  t.equal(statSync(store.path).mode & 0o777, 0o600, 'readable by its owner only');
  t.equal(statSync(folder).mode & 0o777, 0o700);
  void store.save(savedChange(second));
  void store.save(savedChange(first));
  await store.save(savedChange(second));
  t.same(await load(folder, logger), second, 'the last snapshot saved is on disk');
  t.same(readdirSync(folder), ['snapshots.log']);
  await store.clear();
  t.same(readdirSync(folder), []);
  t.equal(store.snapshot(), undefined);
  mkdirSync(store.path);
  await store.clear();
  t.same(readdirSync(folder), ['snapshots.log'], 'at each renewal without an environment nothing is removed again');
  t.same(lines, []);
});

t.test('a change is appended: what it writes does not depend on how much is deployed', async (t) => {
  const written = async (count: number) => {
    const store = new SnapshotStore(ownFolder(t), silentLogger);
    const whole = wholeOf(
      1,
      Array.from({ length: count }, (_, index) => hashed(deployed({ name: `p${index}` }))),
    );
    await store.save(savedChange(whole));
    const { size, ino } = statSync(store.path);
    await store.save(savedChange(step(whole, 'p5')));
    const next = statSync(store.path);
    t.equal(next.ino, ino, 'the same file');
    return next.size - size;
  };
  t.equal(await written(500), await written(10));
});

t.test('changes are loaded in their order: projects that were put, replaced and removed', async (t) => {
  const folder = ownFolder(t);
  const store = new SnapshotStore(folder, silentLogger);
  const other = step(second, 'other');
  const replaced = step(other, 'shop');
  const removed: SnapshotUpdate = { ...wholeOf(5, []), from: idOf(replaced), removed: ['other'] };
  for (const update of [first, second, other, replaced, removed]) await store.save(savedChange(update));
  t.same(await load(folder), { ...idOf(removed), environment: 'production', variables: {}, put: replaced.put, removed: [] });
  t.same(store.snapshot()?.projects, replaced.put);
  t.same(await load(folder), await load(folder), 'loading changes nothing');
  const restarted = new SnapshotStore(folder, silentLogger);
  await restarted.load();
  const next = step(removed, 'late');
  await restarted.save(savedChange(next));
  t.same((await load(folder))?.put, [...replaced.put, ...next.put], 'a restarted gateway continues the file');
});

t.test('contents are found by their hash, and are never written twice', async (t) => {
  const folder = ownFolder(t);
  const store = new SnapshotStore(folder, silentLogger);
  const { hash = '', project } = first.put[0] as DeployedProject;
  t.same([store.has(hash), store.read(hash)], [false, undefined]);
  const saving = store.save(savedChange(first));
  t.same([store.has(hash), store.read(hash)], [true, project], 'also before they are on disk');
  await saving;
  t.same([store.has(hash), store.read(hash)], [true, project]);
  const twice = { ...step(first, 'copy'), put: [{ ...secret, name: 'copy' }] };
  await store.save(savedChange(twice));
  t.equal(readFileSync(store.path, 'utf8').split('geheim').length, 2);
  t.same((await load(folder))?.put, [secret, { ...secret, name: 'copy' }]);
});

t.test('the file is bounded, and contents that nothing refers to go', async (t) => {
  const folder = ownFolder(t);
  const store = new SnapshotStore(folder, silentLogger);
  let last = wholeOf(1, [secret]);
  await store.save(savedChange(last));
  let largest = 0;
  const hashes: string[] = [];
  for (let round = 0; round < 60; round++) {
    last = step(last, 'big', 'x'.repeat(60_000));
    hashes.push(last.put[0]?.hash as string);
    await store.save(savedChange(last));
    largest = Math.max(largest, statSync(store.path).size);
  }
  t.ok(largest < 1_500_000, `${largest} octets at most`);
  t.same([store.has(hashes[0] as string), store.has(hashes.at(-1) as string)], [false, true]);
  t.same((await load(folder))?.put, [secret, ...last.put]);
  t.same(readdirSync(folder), ['snapshots.log']);
});

t.test('while there is no room for a second file, changes are still appended', async (t) => {
  const folder = ownFolder(t);
  const { logger, lines } = keptLogger();
  const store = new SnapshotStore(folder, logger);
  let last = wholeOf(1, [secret]);
  await store.save(savedChange(last));
  const { ino } = statSync(store.path);
  let refused = 0;
  for (let round = 0; round < 30; round++) {
    if (!existsSync(`${store.path}.new`)) {
      refused++;
      symlinkSync('/dev/full', `${store.path}.new`);
    }
    last = step(last, 'big', 'x'.repeat(60_000));
    await store.save(savedChange(last));
    const loaded = await load(folder);
    if (loaded?.version !== last.version) t.fail(`${loaded?.version} instead of ${last.version}`);
  }
  t.equal(statSync(store.path).ino, ino);
  t.equal(refused, 2, 'it is tried once each time the file has doubled');
  t.same(lines, []);
});

t.test('a file that ends anywhere gives a snapshot that was saved, and the next save continues from it', async (t) => {
  const { logger, lines } = keptLogger();
  const folder = ownFolder(t);
  const store = new SnapshotStore(folder, logger);
  const sizes = [0];
  const saved: SnapshotUpdate[] = [first, step(first, 'shop'), step(step(first, 'shop'), 'shop')];
  for (const update of saved) {
    await store.save(savedChange(update));
    sizes.push(statSync(store.path).size);
  }
  const whole = readFileSync(store.path);
  for (let length = 1; length < whole.length; length++) {
    writeFileSync(store.path, whole.subarray(0, length));
    const state = sizes.findLastIndex((size) => size <= length);
    const loaded = await load(folder, logger);
    const expected = saved[state - 1];
    if (loaded?.version !== expected?.version || contentHash(loaded?.put[0]?.project) !== contentHash(expected?.put[0]?.project))
      t.fail(`${length} octets: ${loaded?.version}, expected ${expected?.version}`);
  }
  writeFileSync(store.path, whole.subarray(0, whole.length - 9));
  const cut = new SnapshotStore(folder, logger);
  await cut.load();
  const next = step(saved[1] as SnapshotUpdate, 'next');
  await cut.save(savedChange(next));
  t.same((await load(folder))?.put, [...(saved[1]?.put ?? []), ...next.put]);
  writeFileSync(`${store.path}.new`, whole.subarray(0, 10));
  t.equal((await load(folder))?.version, 3, 'a half-written new file is ignored');
  t.ok(lines.every(({ level, file }) => level === 40 && file === store.path));
});

t.test('any damaged octet harms only what it is part of, and never gives other contents', async (t) => {
  const folder = ownFolder(t);
  const store = new SnapshotStore(folder, silentLogger);
  const saved: SnapshotUpdate[] = [first, step(first, 'other'), step(step(first, 'other'), 'shop')];
  for (const update of saved) await store.save(savedChange(update));
  const good = readFileSync(store.path);
  const versions = new Map<number, number>();
  const known = new Set(saved.flatMap(({ put }) => put.map(({ project }) => contentHash(project))));
  for (let index = 0; index < good.length; index++) {
    const flipped = Buffer.from(good);
    flipped[index] = (flipped[index] as number) ^ 1;
    writeFileSync(store.path, flipped);
    const { logger, lines } = keptLogger();
    const loaded = await load(folder, logger);
    // Without the last line's end, it is an append that was interrupted.
    const silent = lines.length === 0 && index < good.length - 1;
    if (silent || lines.some(({ level }) => level !== 40)) t.fail(`octet ${index}: ${JSON.stringify(lines)}`);
    if (!(loaded?.put ?? []).every(({ project, hash }) => known.has(contentHash(project)) && hash === contentHash(project)))
      t.fail(`octet ${index}: other contents`);
    if (loaded?.version === 0) t.same(idOf(loaded), incomplete(first), 'the identity of no snapshot: the registry sends what is missing');
    // Contents that were replaced since are not missed.
    if (loaded?.version === 3) t.same(loaded.put, [...(saved[2]?.put ?? []), ...(saved[1]?.put ?? [])]);
    versions.set(loaded?.version ?? -1, (versions.get(loaded?.version ?? -1) ?? 0) + 1);
  }
  t.same([...versions.keys()].sort(), [-1, 0, 1, 2, 3]);
  const damaged = Buffer.from(good);
  damaged[good.indexOf('geheim')] = 0x58;
  writeFileSync(store.path, damaged);
  const restarted = new SnapshotStore(folder, silentLogger);
  t.same(
    (await restarted.load())?.put.map(({ name }) => name),
    ['shop', 'other'],
    'contents that are not needed any more',
  );
});

t.test('foreign files are logged, ignored and replaced', async (t) => {
  const cases: Record<string, string | Buffer> = {
    empty: '',
    text: 'hello',
    json: '{"a":1}\n',
    'of a later format': '01234567890123456789012345678901 {"sluice":"snapshots","format":2}\n',
    binary: Buffer.from([0, 255, 1, 254, 10, 10, 10]),
  };
  for (const [what, content] of Object.entries(cases)) {
    const { logger, lines } = keptLogger();
    const folder = ownFolder(t, { 'snapshots.log': '' });
    writeFileSync(join(folder, 'snapshots.log'), content);
    const store = new SnapshotStore(folder, logger);
    t.equal(await store.load(), undefined, what);
    t.match(lines, [{ level: 40, msg: /cannot be used/, reason: String }], what);
    await store.save(savedChange(first));
    t.same(await load(folder), first);
  }
});

t.test('a file that was removed or changed under the gateway is written anew', async (t) => {
  const folder = ownFolder(t);
  const store = new SnapshotStore(folder, silentLogger);
  await store.save(savedChange(first));
  rmSync(store.path);
  const other = step(first, 'other');
  await store.save(savedChange(other));
  t.same((await load(folder))?.put, other.put, 'contents that were only in the removed file are lost');
  t.equal((await load(folder))?.version, 0, 'so the registry is asked for them');
  renameSync(store.path, `${store.path}.old`);
  const third = step(other, 'other');
  writeFileSync(store.path, readFileSync(`${store.path}.old`));
  await store.save(savedChange(third));
  t.same((await load(folder))?.put, third.put);
});

t.test('the snapshot of an earlier version is read once, and replaced by the present form', async (t) => {
  const { logger, lines } = keptLogger();
  const { put, removed: _, ...rest } = first;
  const plain = put.map(({ hash: __, ...project }) => project);
  const body = JSON.stringify({ ...rest, projects: plain });
  const folder = ownFolder(t);
  const file = join(folder, 'snapshot.json');
  const write = (sum: string) => writeFileSync(file, `${JSON.stringify({ sluice: 'snapshot', format: 1, sha256: sum })}\n${body}\n`);
  const { createHash } = await import('node:crypto');
  write('0'.repeat(64));
  t.equal(await load(folder, logger), undefined);
  t.match(lines, [{ level: 40, file, reason: /checksum/ }]);
  write(createHash('sha256').update(body).digest('hex'));
  const store = new SnapshotStore(folder, logger);
  t.same(await store.load(), { ...first, put: plain });
  await store.settled();
  t.same(readdirSync(folder), ['snapshots.log']);
  t.same(await load(folder), first);
  t.equal(lines.length, 1);
});

t.test('a disk that takes no writes is logged and stops nothing; later everything is on disk', async (t) => {
  const { logger, lines } = keptLogger();
  const folder = ownFolder(t);
  const store = new SnapshotStore(folder, logger);
  // Writing to this device fails as on a full disk.
  symlinkSync('/dev/full', `${store.path}.new`);
  await store.save(savedChange(first));
  t.match(lines, [{ level: 50, msg: /still serves/, err: { code: 'ENOSPC' } }]);
  t.same(store.snapshot()?.projects, first.put, 'kept in memory meanwhile');
  const next = step(first, 'other');
  symlinkSync('/dev/full', `${store.path}.new`);
  void store.save(savedChange(next));
  const last = step(next, 'other');
  await store.save(savedChange(last));
  t.same((await load(folder))?.put, [...first.put, ...last.put], 'the failed write left no file in the way');
  t.notOk(store.has(next.put[0]?.hash as string), 'contents that were replaced before they could be written are dropped');

  const taken = ownFolder(t, { taken: 'a file where the folder should be' });
  const blocked = new SnapshotStore(join(taken, 'taken'), logger);
  t.equal(await blocked.load(), undefined);
  await blocked.save(savedChange(first));
  t.equal(lines.at(-1)?.level, 50);
  mkdirSync(join(taken, 'snapshots.log'));
  const named = new SnapshotStore(taken, logger);
  t.equal(await named.load(), undefined, 'a folder with the name of the file');
  await named.save(savedChange(first));
  t.equal(lines.at(-1)?.level, 50);
  if (process.getuid?.() !== 0) {
    const locked = ownFolder(t);
    chmodSync(locked, 0o500);
    await new SnapshotStore(locked, logger).save(savedChange(first));
    t.match(lines.at(-1), { level: 50, err: { code: 'EACCES' } });
    chmodSync(locked, 0o700);
  }
});

t.test('the file of an earlier start is removed when the server has no environment', async (t) => {
  const folder = ownFolder(t);
  await new SnapshotStore(folder, silentLogger).save(savedChange(first));
  await new SnapshotStore(folder, silentLogger).clear();
  t.notOk(existsSync(join(folder, 'snapshots.log')));
});

t.test('a whole snapshot that arrives during a write is no change of the one before', async (t) => {
  const folder = ownFolder(t);
  const store = new SnapshotStore(folder, silentLogger);
  const whole = wholeOf(1, [secret, hashed(deployed({ name: 'gone' }))]);
  const writing = store.save(savedChange(whole));
  const after: SavedChange = savedChange(second);
  await Promise.all([writing, store.save(after)]);
  const next = step(second, 'next');
  await store.save(savedChange(next));
  t.same((await load(folder))?.put, [...second.put, ...next.put]);
});
