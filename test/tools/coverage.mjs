// Reports what the last run of tap covered, child processes included, and fails below the thresholds of package.json.
// tsx leaves the original text out of its source maps, and without it c8 counts minified lines: it is put back here first.
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const folder = '.tap/coverage';
for (const name of readdirSync(folder)) {
  const file = `${folder}/${name}`;
  const coverage = JSON.parse(readFileSync(file, 'utf8'));
  for (const [url, { data }] of Object.entries(coverage['source-map-cache'] ?? {})) {
    if (data && url.endsWith('.ts')) data.sourcesContent = [readFileSync(fileURLToPath(url), 'utf8')];
  }
  writeFileSync(file, JSON.stringify(coverage));
}
const report = spawnSync('tap', ['report', 'text', '--no-allow-incomplete-coverage', '--no-show-full-coverage'], { stdio: 'inherit' });
process.exit(report.status ?? 1);
