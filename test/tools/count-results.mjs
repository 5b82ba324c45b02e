// Prints what failed, a line each, and `N passed, N failed` from the stored results of the last run of tap. Exits with 1 if any failed or none ran.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { Parser } from 'tap-parser';

const folder = '.tap/test-results';
const files = existsSync(folder) ? readdirSync(folder, { recursive: true }).filter((file) => file.endsWith('.tap')) : [];
let passed = 0;
const failed = [];
for (const file of files) {
  const assertions = Parser.parse(readFileSync(`${folder}/${file}`, 'utf8'), { flat: true }).filter(([event]) => event === 'assert');
  // A file without assertions counts as a failure: it crashed before the first one.
  if (assertions.length === 0) failed.push(`${file}: no assertion ran`);
  for (const [, { ok, skip, todo, fullname }] of assertions) {
    if (!ok && !todo) failed.push(`${file}: ${fullname}`);
    else if (!skip && !todo) passed++;
  }
}
for (const line of failed) console.log(`failed: ${line}`);
console.log(`${passed} passed, ${failed.length} failed`);
process.exit(failed.length > 0 || passed === 0 ? 1 : 0);
