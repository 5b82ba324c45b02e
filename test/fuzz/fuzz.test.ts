import t from 'tap';
import { fuzzers } from './all.ts';
import { attack } from './fuzzer.ts';
import { keptSeeds } from './seeds.ts';

/** Batches for each surface: the short form of `npm run fuzz`. The seed is always the same, so that the test is too. */
const batches = 3;

for (const fuzzer of fuzzers) {
  t.test(`${fuzzer.name}: random attacks find nothing`, async (t) => {
    const opened = await fuzzer.open();
    t.teardown(() => opened.close());
    for (const { seed, path } of keptSeeds().filter((kept) => kept.fuzzer === fuzzer.name)) {
      t.equal((await attack(fuzzer.name, opened, 1, seed, path))?.report, undefined, `seed ${seed}, path ${path}`);
    }
    t.equal((await attack(fuzzer.name, opened, batches * (opened.batch ?? 50), 1))?.report, undefined);
    t.ok(opened.reached() > 5, `${opened.reached()} inputs went past the first check`);
  });
}
