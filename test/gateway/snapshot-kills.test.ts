import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import t from 'tap';
import { SnapshotStore } from '../../src/gateway/snapshot-store.ts';
import { contentHash } from '../../src/model/content-hash.ts';
import { keptLogger } from '../tools/fake-logger.ts';
import { ownFolder } from '../tools/own-folder.ts';

t.test('after a kill at any moment the last saved snapshot loads, or the one whose save was under way', async (t) => {
  const folder = ownFolder(t);
  const { logger, lines } = keptLogger();
  let saved = 0;
  // Kills at the very first save, and in the middle of the writes that follow one; the file is written anew about every twelve saves.
  for (const [round, count] of [1, 11, 2, 25, 5, 40, 12].entries()) {
    const writer = spawn(process.execPath, ['--import=tsx', join(import.meta.dirname, 'snapshot-store-writer.ts'), folder], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    t.teardown(() => writer.kill('SIGKILL'));
    let left = count;
    for await (const line of createInterface({ input: writer.stdout })) {
      saved = Number(line);
      if (--left === 0) setTimeout(() => writer.kill('SIGKILL'), round);
    }
    t.equal(writer.signalCode ?? (await once(writer, 'exit'))[1], 'SIGKILL');
    const store = new SnapshotStore(folder, logger);
    const { version, put = [] } = (await store.load()) ?? {};
    t.ok(version === saved || version === saved + 1, `${version} of ${saved} saved`);
    t.ok(put.every(({ project, hash }) => contentHash(project) === hash));
    t.equal(Math.max(...put.map(({ revision }) => revision)), version);
  }
  t.ok(saved > 90);
  t.same(lines, [], 'no damage');
});

t.test('a full disk changes nothing on it and stops nothing; with room again, everything is saved', async (t) => {
  const folder = ownFolder(t);
  const mount = 'mount -t tmpfs -o size=120k none "$1"';
  const isolated = ['--mount', ...(process.getuid?.() === 0 ? [] : ['--map-root-user']), 'sh', '-c'];
  if (spawnSync('unshare', [...isolated, mount, 'sh', folder]).status !== 0)
    return void t.pass('needs the right to mount a disk', { skip: true });
  const program = join(import.meta.dirname, 'full-disk.ts');
  const run = spawnSync('unshare', [...isolated, `${mount} && exec "$2" --import=tsx "$3" "$1"`, 'sh', folder, process.execPath, program]);
  t.equal(run.status, 0, String(run.stderr));
  t.same(JSON.parse(String(run.stdout)), {
    full: { disk: { version: 1, names: ['shop'] }, readable: true, serving: 2 },
    after: { version: 3, names: ['shop', 'big', 'next'] },
    lines: [[50, 'ENOSPC']],
  });
});
