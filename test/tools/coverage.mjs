// Reports the coverage of the last run of tap, child processes included. Fails below the thresholds in package.json.
// Puts the original text back into the source maps first: tsx leaves it out, and without it c8 counts minified lines.
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const folder = '.tap/coverage';
// The bundle holds the code of other packages. Its own part is counted where tests import it from src.
const bundles = new URL('../../dist/', import.meta.url).href;
for (const name of readdirSync(folder)) {
  const file = `${folder}/${name}`;
  const coverage = JSON.parse(readFileSync(file, 'utf8'));
  for (const [url, { data }] of Object.entries(coverage['source-map-cache'] ?? {})) {
    if (data && url.endsWith('.ts')) data.sourcesContent = [readFileSync(fileURLToPath(url), 'utf8')];
  }
  coverage.result = coverage.result?.filter(({ url }) => !url.startsWith(bundles));
  writeFileSync(file, JSON.stringify(coverage));
}
const report = spawnSync('tap', ['report', 'text', '--no-allow-incomplete-coverage', '--no-show-full-coverage'], { stdio: 'inherit' });
process.exit(report.status ?? 1);
