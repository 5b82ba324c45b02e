// `npm run types`: dist/types, the declarations of the package's API, for TypeScript users. Only files that src/index.ts's own declaration
// refers to are kept, so that users need none of the packages that are inside the bundle.
import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

process.chdir(fileURLToPath(new URL('..', import.meta.url)));
const made = mkdtempSync(join(tmpdir(), 'sluice-types-'));
try {
  const options = ['--noEmit', 'false', '--declaration', '--emitDeclarationOnly', '--rootDir', 'src', '--outDir', made];
  execFileSync(process.execPath, ['node_modules/typescript/bin/tsc', '-p', 'tsconfig.types.json', ...options], { stdio: 'inherit' });
  rmSync('dist/types', { recursive: true, force: true });
  keep(join(made, 'index.d.ts'));
} finally {
  rmSync(made, { recursive: true });
}

/** Copies a declaration file, and those that it imports, from where tsc put them. */
function keep(file, kept = new Set()) {
  if (kept.has(file)) return;
  kept.add(file);
  const target = join('dist/types', relative(made, file));
  mkdirSync(dirname(target), { recursive: true });
  copyFileSync(file, target);
  for (const [, path] of readFileSync(file, 'utf8').matchAll(/\bfrom '(\.[^']+)\.ts'/g)) keep(join(dirname(file), `${path}.d.ts`), kept);
}
