// Prints `N passed, N failed` from the stored results of the last run of tap. Exits with 1 if any failed or none ran.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { Parser } from 'tap-parser';

const folder = '.tap/test-results';
const files = existsSync(folder) ? readdirSync(folder, { recursive: true }).filter((file) => file.endsWith('.tap')) : [];
let passed = 0;
let failed = 0;
for (const file of files) {
  const assertions = Parser.parse(readFileSync(`${folder}/${file}`, 'utf8'), { flat: true }).filter(([event]) => event === 'assert');
  // A file without assertions counts as a failure: it crashed before the first one.
  if (assertions.length === 0) failed++;
  for (const [, { ok, skip, todo }] of assertions) {
    if (!ok && !todo) failed++;
    else if (!skip && !todo) passed++;
  }
}
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed > 0 || passed === 0 ? 1 : 0);
