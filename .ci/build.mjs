// `npm run build`: the dashboard's page first, then the program around it. dist/sluice.mjs holds both; dist/dashboard.json is
// for the program run from its sources.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { build } from 'esbuild';

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

/** Each file of the dashboard by the path it is served at. */
async function buildPage() {
  const { outputFiles } = await build({
    entryPoints: ['src/dashboard/main.tsx', 'src/dashboard/style.css'],
    outdir: 'dist',
    bundle: true,
    minify: true,
    write: false,
    platform: 'browser',
    format: 'esm',
    target: ['es2022'],
    jsx: 'automatic',
    jsxImportSource: 'preact',
    legalComments: 'none',
    logLevel: 'warning',
  });
  const textOf = (ending) => outputFiles.find(({ path }) => path.endsWith(ending)).text;
  return {
    '/': readFileSync('src/dashboard/index.html', 'utf8'),
    '/dashboard.js': textOf('.js'),
    '/dashboard.css': textOf('.css'),
    '/icon.svg': readFileSync('src/dashboard/icon.svg', 'utf8'),
  };
}
