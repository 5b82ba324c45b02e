import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { savedChange } from '../../src/gateway/saved-project.ts';
import { SnapshotStore } from '../../src/gateway/snapshot-store.ts';
import { keptLogger, silentLogger } from '../tools/fake-logger.ts';
import { deployed, wholeOf } from './samples.ts';
import { hashed, step } from './snapshot-steps.ts';

// Runs on a small disk, fills it, makes room again, and prints what was seen.
const folder = process.argv[2] as string;
const ballast = join(folder, 'ballast');
const { logger, lines } = keptLogger();
const store = new SnapshotStore(folder, logger);
const loaded = async () => {
  const { version, put } = (await new SnapshotStore(folder, silentLogger).load()) ?? {};
  return { version, names: put?.map(({ name }) => name) };
};

let last = wholeOf(1, [hashed(deployed({ name: 'shop' }))]);
await store.save(savedChange(last));
try {
  for (let octets = 1; ; octets *= 2) writeFileSync(ballast, 'x'.repeat(octets), { flag: 'a' });
} catch (error) {
  if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
}
last = step(last, 'big', 'x'.repeat(30_000));
const { hash = '' } = last.put[0] ?? {};
await store.save(savedChange(last));
const full = { disk: await loaded(), readable: store.read(hash) !== undefined, serving: store.snapshot()?.version };
rmSync(ballast);
last = step(last, 'next');
await store.save(savedChange(last));
process.stdout.write(
  JSON.stringify({ full, after: await loaded(), lines: lines.map(({ level, err }) => [level, (err as { code?: string }).code]) }),
);
