// `npm run build`: the dashboard's page first, then the program around it. dist/sluice.mjs holds both; dist/dashboard.json is
// for the program run from its sources.
import { mkdirSync, writeFileSync } from 'node:fs';
import { build } from 'esbuild';
import { buildPage } from './build-page.mjs';

process.chdir(new URL('..', import.meta.url).pathname);
mkdirSync('dist', { recursive: true });

const page = await buildPage();
writeFileSync('dist/dashboard.json', JSON.stringify(page));

await build({
  entryPoints: ['src/main.ts'],
  outfile: 'dist/sluice.mjs',
  bundle: true,
  packages: 'external',
  platform: 'node',
  format: 'esm',
  target: 'node20',
  define: { BUILT_PAGE: JSON.stringify(page) },
  logLevel: 'warning',
});
