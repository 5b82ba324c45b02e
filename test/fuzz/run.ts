import { randomInt } from 'node:crypto';
import { fuzzers } from './all.ts';
import { attack } from './fuzzer.ts';
import { keepSeed, keptSeeds } from './seeds.ts';

/**
 * `npm run fuzz [-- MINUTES [NAME…]]`: attacks each surface in turn, with new seeds, until the time is over (default: 5 minutes). First come
 * the kept seeds. A finding is printed in its shortest form, and its seed is kept. Exits with 1 if anything was found.
 */
const [minutes = '5', ...names] = process.argv.slice(2);
const limit = Number(minutes) * 60_000;
const chosen = fuzzers.filter(({ name }) => names.length === 0 || names.includes(name));
if (!(limit > 0) || chosen.length === 0) {
  console.error(`usage: npm run fuzz [-- MINUTES [NAME…]], with names of: ${fuzzers.map(({ name }) => name).join(', ')}`);
  process.exit(2);
}
const until = performance.now() + limit;
/** Milliseconds for one surface before the next one gets its turn. */
const turnMs = Math.min(20_000, limit / chosen.length);
const tried = new Map(chosen.map(({ name }) => [name, { inputs: 0, reached: 0, findings: 0 }]));

do {
  for (const fuzzer of chosen) {
    const sum = tried.get(fuzzer.name) as { inputs: number; reached: number; findings: number };
    const opened = await fuzzer.open();
    const { batch = 50 } = opened;
    const kept = sum.inputs === 0 ? keptSeeds().filter((seed) => seed.fuzzer === fuzzer.name) : [];
    const end = Math.min(until, performance.now() + turnMs);
    while (kept.length > 0 || performance.now() < end) {
      const again = kept.shift();
      const found = await attack(fuzzer.name, opened, batch, again?.seed ?? randomInt(2 ** 31 - 1), again?.path);
      sum.inputs += again === undefined ? batch : 1;
      if (found === undefined) continue;
      sum.findings++;
      console.log(`FOUND by ${fuzzer.name}, seed ${found.seed}, path ${found.path}:\n${found.report}\n`);
      if (again === undefined) keepSeed(found);
      // What it leaves behind may disturb later inputs.
      break;
    }
    sum.reached += opened.reached();
    await opened.close();
    console.error(`${fuzzer.name}: ${sum.inputs} inputs, ${sum.reached} of them went past the first check, ${sum.findings} findings`);
  }
} while (performance.now() < until);
process.exitCode = [...tried.values()].some(({ findings }) => findings > 0) ? 1 : 0;
