import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { build } from 'esbuild';

/** Each file of the dashboard by its URL path, and esbuild's list of their contents; run from the checkout. */
export async function buildPage() {
  const { outputFiles, metafile } = await build({
    entryPoints: { dashboard: 'src/dashboard/main.tsx', style: 'src/dashboard/style.css' },
    // Not where the process is now: esbuild remembers where it was when it was loaded.
    absWorkingDir: process.cwd(),
    outdir: 'dist',
    bundle: true,
    minify: true,
    write: false,
    metafile: true,
    platform: 'browser',
    format: 'esm',
    // The editor of projects is a file of its own, which is loaded when it is opened.
    splitting: true,
    chunkNames: '[name]-[hash]',
    target: ['es2022'],
    jsx: 'automatic',
    jsxImportSource: 'preact',
    legalComments: 'none',
    logLevel: 'warning',
  });
  const built = outputFiles.map(({ path, text }) => [`/${basename(path) === 'style.css' ? 'dashboard.css' : basename(path)}`, text]);
  const page = {
    '/': readFileSync('src/dashboard/index.html', 'utf8'),
    ...Object.fromEntries(built),
    '/icon.svg': readFileSync('src/dashboard/icon.svg', 'utf8'),
    // Without line breaks: only the editor reads it.
    '/project.schema.json': JSON.stringify(JSON.parse(readFileSync('config/project.schema.json', 'utf8'))),
  };
  return { page, metafile };
}
