// `npm run build:binary [-- FILE]`: one executable with Node.js, program and packages inside, by default dist/sluice.
// It is a Node.js single executable application: https://nodejs.org/api/single-executable-applications.html
// The Node.js inside is a pinned version, whatever version runs this script. FILE.THIRD-PARTY-NOTICES and FILE.sbom.cdx.json list everything inside.
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
/** The name under which Node.js looks for an embedded program, and the mark in its executable that says there is one. */
const resource = 'NODE_SEA_BLOB';
const fuse = 'NODE_SEA_FUSE_fce680ab2cc467b6e072b8b5df1996b2';

const outfile = resolve(process.argv[2] ?? fileURLToPath(new URL('../dist/sluice', import.meta.url)));
process.chdir(fileURLToPath(new URL('..', import.meta.url)));

let folder;
// However the process ends, even by Ctrl-C, no incomplete file is left behind.
process.once('exit', () => folder && rmSync(folder, { recursive: true, force: true }));
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => process.exit(1));
try {
  if (process.platform !== 'linux') throw new Error(`it is made on Linux only; on ${process.platform} run "node dist/sluice.mjs"`);
  const node = pinnedNode(major);
  // Built beside the result and renamed over it: a process that runs the old executable keeps it.
  mkdirSync(dirname(outfile), { recursive: true });
  folder = mkdtempSync(join(dirname(outfile), '.sluice-'));
  await buildBinary(node);
} catch (error) {
  // The first line of the message says what failed; esbuild has printed the rest itself.
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

/** Node.js for the list of contents; its licence in turn names everything inside Node.js. */
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

/** The program as an executable embeds it: compiled by the Node.js that will run it, which saves a tenth of a second at each start. */
function pack(node, main) {
  const config = join(folder, 'sea.json');
  const output = join(folder, 'sluice.blob');
  writeFileSync(config, JSON.stringify({ main, output, disableExperimentalSEAWarning: true, useCodeCache: true }));
  // Without NODE_OPTIONS: this Node.js may not know the options of the one that builds.
  const env = { ...process.env, NODE_OPTIONS: '' };
  execFileSync(node.program, ['--experimental-sea-config', config], { env, stdio: ['ignore', 'ignore', 'pipe'] });
  return output;
}

/** Removes symbols: they are a seventh of the executable, and only debuggers of Node.js need them. */
function strip(binary) {
  try {
    execFileSync('strip', [binary], { stdio: 'ignore' });
  } catch {
    console.error('"strip" (binutils) is not there or has failed: the binary keeps its symbols, some 12 MB.');
  }
}

/** postject warns of section names that it does not know; the warning is harmless. */
async function quietly(work) {
  const { warn, log } = console;
  console.warn = () => {};
  console.log = () => {};
  await work.finally(() => Object.assign(console, { warn, log }));
}
