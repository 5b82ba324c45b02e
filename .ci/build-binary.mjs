// `npm run build:binary [-- FILE]`: one executable with Node.js, program and packages inside, dist/sluice unless told otherwise.
// It is a Node.js single executable application: https://nodejs.org/api/single-executable-applications.html
// The Node.js inside is a pinned one, whichever builds it. What else is inside is said beside it: FILE.THIRD-PARTY-NOTICES, FILE.sbom.cdx.json.
import { execFileSync } from 'node:child_process';
import { chmodSync, copyFileSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { inject } from 'postject';
import { bundleProgram } from './bundle.mjs';
import { purlOf, writeContents } from './contents.mjs';
import { pinnedNode } from './pinned-node.mjs';

/** The major version of the Node.js inside. */
const major = 24;
/** Where a Node.js looks for the program inside itself, and the mark in it that is flipped when there is one. */
const resource = 'NODE_SEA_BLOB';
const fuse = 'NODE_SEA_FUSE_fce680ab2cc467b6e072b8b5df1996b2';

const outfile = resolve(process.argv[2] ?? fileURLToPath(new URL('../dist/sluice', import.meta.url)));
process.chdir(fileURLToPath(new URL('..', import.meta.url)));

let folder;
// However this ends, Ctrl-C included, nothing half made stays.
process.once('exit', () => folder && rmSync(folder, { recursive: true, force: true }));
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => process.exit(1));
try {
  if (process.platform !== 'linux') throw new Error(`it is made on Linux only; on ${process.platform} run "node dist/sluice.mjs"`);
  const node = pinnedNode(major);
  // Beside the outcome, so that it can be renamed into place: whoever runs the old one keeps it.
  mkdirSync(dirname(outfile), { recursive: true });
  folder = mkdtempSync(join(dirname(outfile), '.sluice-'));
  await buildBinary(node);
} catch (error) {
  // Of many lines the first says what; esbuild has told the rest itself.
  console.error(`build:binary failed: ${error.message.split('\n')[0]}`);
  process.exitCode = 1;
}

async function buildBinary(node) {
  const started = performance.now();
  console.error(`Building ${outfile} from Node.js ${node.version}…`);
  const program = join(folder, 'sluice.cjs');
  const metafiles = await bundleProgram('whole', program);
  const binary = join(folder, 'sluice');
  copyFileSync(node.program, binary);
  chmodSync(binary, 0o755);
  strip(binary);
  await quietly(inject(binary, resource, readFileSync(pack(node, program)), { sentinelFuse: fuse }));
  // In an empty environment, so that what it prints is its own.
  const said = execFileSync(binary, ['--version'], { cwd: folder, env: {}, encoding: 'utf8' }).trim();
  writeContents(`${outfile}.`, metafiles, [componentOf(node)]);
  renameSync(binary, outfile);
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  console.error(`${outfile}: ${said}, ${Math.round(statSync(outfile).size / 1e6)} MB, in ${seconds} s`);
}

/** Node.js for the list of contents; its licence names all that is inside of it in turn. */
function componentOf({ version, packageName, integrity, licence }) {
  return {
    type: 'platform',
    name: 'Node.js',
    version,
    license: 'MIT',
    purl: purlOf(packageName, version),
    cpe: `cpe:2.3:a:nodejs:node.js:${version}:*:*:*:*:*:*:*`,
    integrity,
    texts: [readFileSync(licence, 'utf8').trim()],
    uses: new Set(),
  };
}

/** The program as Node.js wants it: already compiled, by the one that will run it, which saves a tenth of a second at each start. */
function pack(node, main) {
  const config = join(folder, 'sea.json');
  const output = join(folder, 'sluice.blob');
  writeFileSync(config, JSON.stringify({ main, output, disableExperimentalSEAWarning: true, useCodeCache: true }));
  // Options for the Node.js that builds may be none of this one's.
  const env = { ...process.env, NODE_OPTIONS: '' };
  execFileSync(node.program, ['--experimental-sea-config', config], { env, stdio: ['ignore', 'ignore', 'pipe'] });
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
