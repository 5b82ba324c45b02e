// `node .ci/pinned-node.mjs MAJOR` prints the path of that Node.js, fetched once into .cache/node from the npm package with its official binary.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const pins = JSON.parse(readFileSync(new URL('pinned-node.json', import.meta.url), 'utf8'));
const cache = fileURLToPath(new URL('../.cache/node/', import.meta.url));

/** Every major version that is pinned. */
export const pinnedMajors = Object.keys(pins);

/** The Node.js of a major version: its `version`, its `program`, its `licence`, and its npm package with the `integrity`. Throws an error with a one-line message if it cannot be fetched. */
export function pinnedNode(major) {
  if (pins[major] === undefined) throw new Error(`there is no pinned Node.js ${major}, only ${pinnedMajors.join(', ')}`);
  const { version, integrity } = pins[major];
  const packageName = `node-linux-${process.arch}`;
  const wanted = integrity[process.arch];
  if (process.platform !== 'linux' || wanted === undefined)
    throw new Error(`Node.js ${version} is fetched for Linux on ${Object.keys(integrity).join(' and ')} only`);
  const folder = join(cache, `${version}-${process.arch}`);
  if (!existsSync(folder)) fetchInto(folder, `${packageName}@${version}`, wanted);
  return { version, program: join(folder, 'bin/node'), licence: join(folder, 'LICENSE'), packageName, integrity: wanted };
}

function fetchInto(folder, wanted, integrity) {
  console.error(`Fetching ${wanted} from the npm registry, once…`);
  mkdirSync(cache, { recursive: true });
  // Fetched into a folder beside the final one, and renamed when complete: several processes may fetch at once.
  const work = mkdtempSync(join(cache, '.fetch-'));
  try {
    call('npm', ['pack', wanted, '--pack-destination', work, '--silent', '--ignore-scripts'], `${wanted} could not be fetched`);
    const file = join(work, readdirSync(work).find((name) => name.endsWith('.tgz')) ?? '');
    const found = `sha512-${createHash('sha512').update(readFileSync(file)).digest('base64')}`;
    if (found !== integrity) throw new Error(`${wanted} is not what .ci/pinned-node.json names: its hash is ${found}`);
    call('tar', ['-xzf', file, '-C', work, 'package/bin/node', 'package/LICENSE'], `${wanted} could not be unpacked`);
    renameSync(join(work, 'package'), folder);
  } catch (error) {
    if (!existsSync(folder)) throw error;
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

function call(command, args, otherwise) {
  try {
    execFileSync(command, args, { stdio: ['ignore', 'ignore', 'pipe'], encoding: 'utf8' });
  } catch (error) {
    const reason = String(error.stderr || error.message)
      .trim()
      .split('\n')[0];
    throw new Error(`${otherwise}: ${reason}`);
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  try {
    console.log(pinnedNode(process.argv[2]).program);
  } catch (error) {
    console.error(error.message);
    process.exitCode = 1;
  }
}
