import { savedChange } from '../../src/gateway/saved-project.ts';
import { SnapshotStore } from '../../src/gateway/snapshot-store.ts';
import { silentLogger } from '../tools/fake-logger.ts';
import { deployed, wholeOf } from './samples.ts';
import { hashed, step } from './snapshot-steps.ts';

// Deploys without end, and prints the version of each snapshot that is on disk.
const store = new SnapshotStore(process.argv[2] as string, silentLogger);
let last = await store.load();
if (last === undefined) {
  last = wholeOf(1, [hashed(deployed({ name: 'shop' }))]);
  await store.save(savedChange(last));
}
for (;;) {
  last = step(last, `p${last.version % 7}`, 'x'.repeat(90_000));
  await store.save(savedChange(last));
  process.stdout.write(`${last.version}\n`);
}
