import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { SnapshotFile } from '../../src/gateway/snapshot-file.ts';
import { keptLogger, silentLogger } from '../tools/fake-logger.ts';
import { deployed, snapshotOf } from './samples.ts';

const first = snapshotOf(1, [deployed({ name: 'shop', policies: { proxyRequest: [{ apiKey: { keys: ['geheim-ü'] } }] } })], {
  variables: { a: 'line\nbreak' },
});
const second = snapshotOf(2, [deployed({ name: 'shop' }, 2)]);

t.test('the next start loads the saved snapshot', async (t) => {
  const { logger, lines } = keptLogger();
  const folder = join(t.testdir(), 'data', 'gateway-1');
  t.equal(await new SnapshotFile(folder, logger).load(), undefined, 'a missing file is not a fault');
  const file = new SnapshotFile(folder, logger);
  await file.save(first);
  t.same(await new SnapshotFile(folder, logger).load(), first);
  t.equal(statSync(file.path).mode & 0o777, 0o600, 'readable by its owner only');
  void file.save(second);
  void file.save(first);
  await file.save(second);
  t.same(await new SnapshotFile(folder, logger).load(), second, 'the last snapshot saved is on disk');
  t.same(readdirSync(folder), ['snapshot.json']);
  await file.save(undefined);
  t.notOk(existsSync(file.path));
  await file.save(undefined);
  t.same(lines, []);
});

t.test('the file of an earlier start is removed when the server has no environment', async (t) => {
  const { logger } = keptLogger();
  const folder = t.testdir();
  await new SnapshotFile(folder, logger).save(first);
  await new SnapshotFile(folder, logger).save(undefined);
  t.same(readdirSync(folder), []);
});

t.test('an incomplete file is detected; a write that was interrupted leaves the old file', async (t) => {
  const { logger, lines } = keptLogger();
  const folder = t.testdir();
  const file = new SnapshotFile(folder, logger);
  await file.save(first);
  const whole = readFileSync(file.path);
  for (let length = 0; length < whole.length - 1; length += 7) {
    writeFileSync(file.path, whole.subarray(0, length));
    t.equal(await file.load(), undefined, `${length} octets`);
  }
  t.ok(lines.length > 0 && lines.every(({ level, file: named }) => level === 40 && named === file.path), 'each is logged');
  writeFileSync(file.path, whole);
  writeFileSync(`${file.path}.new`, whole.subarray(0, 10));
  t.same(await file.load(), first, 'a half-written new file is ignored');
  await new SnapshotFile(folder, logger).save(second);
  t.same(await file.load(), second);
});

t.test('damaged and foreign files are logged and ignored', async (t) => {
  const good = readFileSync(await saved(t.testdir()));
  const flipped = Buffer.from(good);
  flipped[flipped.length - 20] = (flipped[flipped.length - 20] as number) ^ 1;
  const heading = (body: string, format = 1) => `{"sluice":"snapshot","format":${format},"sha256":"${body}"}`;
  const emptySha = '44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a';
  const cases: Record<string, string | Buffer> = {
    empty: '',
    text: 'hello',
    json: '{"a":1}\n',
    flipped,
    'more at the end': Buffer.concat([good, Buffer.from('x')]),
    'of a later format': `${heading('0', 2)}\n{}\n`,
    'valid checksum, but no snapshot': `${heading(emptySha)}\n{}\n`,
    binary: Buffer.from([0, 255, 1, 254, 10, 10, 10]),
  };
  for (const [what, content] of Object.entries(cases)) {
    const { logger, lines } = keptLogger();
    const folder = t.testdir({ 'snapshot.json': '' });
    writeFileSync(join(folder, 'snapshot.json'), content);
    t.equal(await new SnapshotFile(folder, logger).load(), undefined, what);
    t.match(lines, [{ level: 40, msg: /ignored/, reason: String }], what);
  }
});

t.test('read and write errors are logged and not thrown', async (t) => {
  const { logger, lines } = keptLogger();
  const folder = t.testdir({ taken: 'a file where the folder should be' });
  const file = new SnapshotFile(join(folder, 'taken'), logger);
  t.equal(await file.load(), undefined);
  await file.save(first);
  await file.save(first);
  t.match(lines, [{ level: 40 }, { level: 50, msg: /still serves/, err: { code: String } }, { level: 50 }], 'the next save tries again');
  void file.save(second);
  await file.save(first);
  t.equal(lines.length, 5, 'a snapshot saved during a failing write is tried too');
  const other = t.testdir();
  mkdirSync(join(other, 'snapshot.json'));
  const blocked = new SnapshotFile(other, logger);
  t.equal(await blocked.load(), undefined, 'a folder with the name of the file');
  await blocked.save(first);
  t.equal(lines.at(-1)?.level, 50);
  if (process.getuid?.() !== 0) {
    const locked = t.testdir();
    chmodSync(locked, 0o500);
    await new SnapshotFile(locked, logger).save(first);
    t.match(lines.at(-1), { level: 50, err: { code: 'EACCES' } });
    chmodSync(locked, 0o700);
  }
});

async function saved(folder: string): Promise<string> {
  const file = new SnapshotFile(folder, silentLogger);
  await file.save(first);
  return file.path;
}
