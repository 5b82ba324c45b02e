// `npm run build [-- FILE]`: the program as a script (default dist/sluice.mjs), the library beside it (index.mjs), and the lists of their contents.
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bundleProgram } from './bundle.mjs';
import { writeContents } from './contents.mjs';

const outfile = resolve(process.argv[2] ?? fileURLToPath(new URL('../dist/sluice.mjs', import.meta.url)));
process.chdir(fileURLToPath(new URL('..', import.meta.url)));
try {
  const folder = dirname(outfile);
  const [program, library] = await Promise.all([bundleProgram('script', outfile), bundleProgram('library', join(folder, 'index.mjs'))]);
  writeContents(join(folder, '/'), [...program, ...library]);
} catch (error) {
  // The first line of the message says what failed; esbuild has printed the rest itself.
  console.error(`build failed: ${error.message.split('\n')[0]}`);
  process.exitCode = 1;
}
