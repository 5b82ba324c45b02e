// `npm run build [-- FILE]`: the program as a script beside its packages, dist/sluice.mjs unless told otherwise.
import { resolve } from 'node:path';
import { bundleProgram } from './bundle.mjs';

const outfile = resolve(process.argv[2] ?? new URL('../dist/sluice.mjs', import.meta.url).pathname);
process.chdir(new URL('..', import.meta.url).pathname);
await bundleProgram('script', outfile);
