import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Seed } from './fuzzer.ts';

const file = fileURLToPath(new URL('seeds.json', import.meta.url));

/** Seeds of earlier findings. Each is a test from then on. */
export function keptSeeds(): Seed[] {
  return JSON.parse(readFileSync(file, 'utf8')) as Seed[];
}

/** Adds a seed to those that are kept. */
export function keepSeed({ fuzzer, seed, path }: Seed): void {
  const kept = keptSeeds();
  const text = [...kept, { fuzzer, seed, path }].map((one) => `  ${JSON.stringify(one)}`).join(',\n');
  writeFileSync(file, `[\n${text}\n]\n`);
}
