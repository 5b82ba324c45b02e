import { checkPaths } from './properties.ts';

/** Checks the properties of paths. Arguments: number of targets (default 1,000,000), and the seed of an earlier run. */
const [runs = '1000000', seed = String(Date.now() % 2 ** 31)] = process.argv.slice(2);
console.log(`checking ${Number(runs).toLocaleString('en')} targets with the seed ${seed}`);
const begun = performance.now();
checkPaths({ runs: Number(runs), seed: Number(seed) });
console.log(`every property holds, after ${((performance.now() - begun) / 1000).toFixed(0)} s`);
