// `npm run build:binary [-- FILE]`: one executable with Node.js, program and packages inside, dist/sluice unless told otherwise.
// It is a Node.js single executable application: https://nodejs.org/api/single-executable-applications.html
import { execFileSync } from 'node:child_process';
import { chmodSync, copyFileSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { inject } from 'postject';
import { bundleProgram } from './bundle.mjs';

/** Where a Node.js looks for the program inside itself, and the mark in it that is flipped when there is one. */
const resource = 'NODE_SEA_BLOB';
const fuse = 'NODE_SEA_FUSE_fce680ab2cc467b6e072b8b5df1996b2';

const outfile = resolve(process.argv[2] ?? new URL('../dist/sluice', import.meta.url).pathname);
process.chdir(new URL('..', import.meta.url).pathname);

let folder;
// However this ends, Ctrl-C included, nothing half made stays.
process.once('exit', () => folder && rmSync(folder, { recursive: true, force: true }));
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => process.exit(1));
try {
  checkNode();
  // Beside the outcome, so that it can be renamed into place: whoever runs the old one keeps it.
  mkdirSync(dirname(outfile), { recursive: true });
  folder = mkdtempSync(join(dirname(outfile), '.sluice-'));
  await buildBinary();
} catch (error) {
  // Of many lines the first says what; esbuild has told the rest itself.
  console.error(`build:binary failed: ${error.message.split('\n')[0]}`);
  process.exitCode = 1;
}

async function buildBinary() {
  const started = performance.now();
  console.error(`Building ${outfile} from Node.js ${process.version}…`);
  const program = join(folder, 'sluice.cjs');
  await bundleProgram('whole', program);
  const binary = join(folder, 'sluice');
  copyFileSync(process.execPath, binary);
  chmodSync(binary, 0o755);
  strip(binary);
  await quietly(inject(binary, resource, readFileSync(pack(program)), { sentinelFuse: fuse }));
  // In an empty environment, so that what it prints is its own.
  const said = execFileSync(binary, ['--version'], { cwd: folder, env: {}, encoding: 'utf8' }).trim();
  renameSync(binary, outfile);
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  console.error(`${outfile}: ${said}, ${Math.round(statSync(outfile).size / 1e6)} MB, in ${seconds} s`);
}

/** One clear line rather than a binary that starts a REPL, or none. */
function checkNode() {
  const { node_shared: shared, single_executable_application: able } = process.config.variables;
  if (process.platform !== 'linux') throw new Error(`it is made on Linux only; on ${process.platform} run "node dist/sluice.mjs"`);
  if (shared || able === false || !readFileSync(process.execPath).includes(fuse))
    throw new Error(`${process.execPath} cannot hold a program (many distributions' Node.js are so): take the one from https://nodejs.org`);
}

/** The program as Node.js wants it: already compiled, which saves a tenth of a second at each start. */
function pack(main) {
  const config = join(folder, 'sea.json');
  const output = join(folder, 'sluice.blob');
  writeFileSync(config, JSON.stringify({ main, output, disableExperimentalSEAWarning: true, useCodeCache: true }));
  execFileSync(process.execPath, ['--experimental-sea-config', config], { stdio: ['ignore', 'ignore', 'pipe'] });
  return output;
}

/** Symbols are a seventh of it, and for debuggers of Node.js only. */
function strip(binary) {
  try {
    execFileSync('strip', [binary], { stdio: 'ignore' });
  } catch {
    console.error('"strip" (binutils) is not there or has failed: the binary keeps its symbols, some 12 MB.');
  }
}

/** postject warns of section names that it does not know, which harms nobody. */
async function quietly(work) {
  const { warn, log } = console;
  console.warn = () => {};
  console.log = () => {};
  await work.finally(() => Object.assign(console, { warn, log }));
}
