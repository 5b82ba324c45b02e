// Installs what is needed, if it is not there; plain JavaScript that old versions of Node can read, no packages:
//   node .ci/prepare.mjs        the `dependencies`, which build and run Sluice, for `npm start`
//   node .ci/prepare.mjs all    and the `devDependencies`, which check, test and measure it, for `npm test`
import { spawn } from 'node:child_process';
import { accessSync, constants, existsSync, readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { restore } from './manifest.mjs';

const checkout = fileURLToPath(new URL('..', import.meta.url));
const all = process.argv[2] === 'all';
const tap = 'node_modules/@tapjs/test/test-built/dist/esm/index.js';
const npmOptions = ['--include=optional', '--no-audit', '--no-fund', '--no-progress', '--loglevel=error'];

process.chdir(checkout);
// An interrupted `npm pack` leaves the manifest that it publishes.
restore();
checkNode();
checkWritable();
prepare().catch((error) => stop(error.message));

async function prepare() {
  // Installs exactly what the lock file names, from scratch, without changing the lock file; NODE_ENV is ignored.
  if (!installed())
    await withProgress(run('npm', ['ci', all ? '--include=dev' : '--omit=dev', ...npmOptions], 'it needs the npm registry'));
  if (all && !tapIsBuilt()) await run('npx', ['tap', 'build'], 'the test runner could not be built');
}

/** Ends with one clear line, rather than with a syntax error from an arbitrary file. */
function checkNode() {
  const wanted = read('package.json').engines.node.match(/(\d+)\.(\d+)/);
  const [major, minor] = process.versions.node.split('.').map(Number);
  if (major > Number(wanted[1]) || (major === Number(wanted[1]) && minor >= Number(wanted[2]))) return;
  stop(`Sluice needs Node.js ${wanted[0]} or newer; this is ${process.versions.node}. Get it from https://nodejs.org`);
}

/** Ends with one clear line, rather than with a stack trace of npm or the build. */
function checkWritable() {
  for (const place of ['.', 'node_modules', 'dist', 'dist/sluice.mjs']) {
    try {
      accessSync(place, constants.W_OK);
    } catch (error) {
      if (error.code === 'ENOENT') continue;
      stop(`${checkout} belongs to another user: this one cannot write "${place}" in it. Use a checkout of your own, or change the owner.`);
    }
  }
}

/** True if node_modules holds every package that is needed. npm writes the list of the installed packages last, so a partial installation has no list. */
function installed() {
  try {
    const locked = read('package-lock.json').packages;
    const present = read('node_modules/.package-lock.json').packages;
    const complete = Object.keys(present).every(
      (place) => locked[place] && locked[place].version === present[place].version && existsSync(`${place}/package.json`),
    );
    const { dependencies, devDependencies } = read('package.json');
    const needed = Object.keys({ ...dependencies, ...(all ? devDependencies : {}) });
    return complete && needed.every((name) => present[`node_modules/${name}`]);
  } catch {
    return false;
  }
}

/** tap consists of plugins: until it is rebuilt, a run still uses the plugins that package.json switches off. */
function tapIsBuilt() {
  const built = readFileSync(tap, 'utf8');
  return read('package.json').tap.plugin.every((plugin) => !plugin.startsWith('!') || !built.includes(plugin.slice(1)));
}

/** Prints the progress of the installation: on a terminal in one line, elsewhere in a few lines. */
async function withProgress(installing) {
  const { isTTY } = process.stderr;
  const begun = Date.now();
  let told = 0;
  const tell = (count) => {
    told = count;
    process.stderr.write(isTTY ? `\rInstalling packages, once: ${count}` : `Installing packages, once: ${count}\n`);
  };
  tell(0);
  const timer = setInterval(() => {
    const count = countPackages();
    if (count > told + (isTTY ? 0 : 24)) tell(count);
  }, 200);
  try {
    await installing;
    const seconds = ((Date.now() - begun) / 1000).toFixed(1);
    process.stderr.write(`${isTTY ? '\r' : ''}Installed ${countPackages()} packages in ${seconds} s      \n`);
  } catch (error) {
    if (isTTY) process.stderr.write('\n');
    throw error;
  } finally {
    clearInterval(timer);
  }
}

function countPackages() {
  const namesIn = (folder) => (existsSync(folder) ? readdirSync(folder).filter((name) => !name.startsWith('.')) : []);
  const names = namesIn('node_modules').flatMap((name) =>
    name.startsWith('@') ? namesIn(`node_modules/${name}`).map((own) => `${name}/${own}`) : [name],
  );
  return names.filter((name) => existsSync(`node_modules/${name}/package.json`)).length;
}

/** Settles when a command has ended well. A signal to this process's group reaches the command too; this process waits for it, because npm cleans up. */
function run(command, args, hint) {
  const stdio = ['ignore', 'ignore', 'inherit'];
  // On Windows npm is a shell script.
  const child =
    process.platform === 'win32' ? spawn([command, ...args].join(' '), { stdio, shell: true }) : spawn(command, args, { stdio });
  let interrupted = false;
  const pass = (signal) => {
    interrupted = true;
    child.kill(signal);
  };
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.once(signal, pass);
  return new Promise((resolve, reject) => {
    child.once('error', (error) => reject(new Error(`${command} cannot be run: ${error.message}`)));
    child.once('close', (status) => {
      for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.off(signal, pass);
      if (interrupted) reject(new Error('interrupted; the next start begins anew'));
      else if (status !== 0) reject(new Error(`${command} ${args[0]} failed: ${hint}; see above`));
      else resolve();
    });
  });
}

function read(file) {
  return JSON.parse(readFileSync(file, 'utf8'));
}

function stop(message) {
  console.error(message);
  process.exit(1);
}
