import { readFileSync } from 'node:fs';
import { build } from 'esbuild';

/** Each file of the dashboard by its URL path, and esbuild's list of their contents; run from the checkout. */
export async function buildPage() {
  const { outputFiles, metafile } = await build({
    entryPoints: ['src/dashboard/main.tsx', 'src/dashboard/style.css'],
    // Not where the process is now: esbuild remembers where it was when it was loaded.
    absWorkingDir: process.cwd(),
    outdir: 'dist',
    bundle: true,
    minify: true,
    write: false,
    metafile: true,
    platform: 'browser',
    format: 'esm',
    target: ['es2022'],
    jsx: 'automatic',
    jsxImportSource: 'preact',
    legalComments: 'none',
    logLevel: 'warning',
  });
  const textOf = (ending) => outputFiles.find(({ path }) => path.endsWith(ending)).text;
  const page = {
    '/': readFileSync('src/dashboard/index.html', 'utf8'),
    '/dashboard.js': textOf('.js'),
    '/dashboard.css': textOf('.css'),
    '/icon.svg': readFileSync('src/dashboard/icon.svg', 'utf8'),
  };
  return { page, metafile };
}
