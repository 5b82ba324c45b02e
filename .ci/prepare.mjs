// Run by `npm start` and `npm test`, before anything is installed: plain JavaScript that old versions of Node can read, no packages.
import { spawnSync } from 'node:child_process';
import { readFileSync, statSync, utimesSync } from 'node:fs';

process.chdir(new URL('..', import.meta.url).pathname);
checkNode();
if (!installed()) install();

/** One clear line rather than a syntax error from somewhere inside. */
function checkNode() {
  const wanted = JSON.parse(readFileSync('package.json', 'utf8')).engines.node.match(/(\d+)\.(\d+)/);
  const [major, minor] = process.versions.node.split('.').map(Number);
  if (major > Number(wanted[1]) || (major === Number(wanted[1]) && minor >= Number(wanted[2]))) return;
  stop(`Sluice needs Node.js ${wanted[0]} or newer; this is ${process.versions.node}. Get it from https://nodejs.org`);
}

/** Whether node_modules is as new as what it is made from. */
function installed() {
  const made = changed('node_modules/.package-lock.json');
  return made > 0 && made >= changed('package.json') && made >= changed('package-lock.json');
}

function install() {
  console.error('Installing dependencies (once)…');
  // Whatever NODE_ENV says: the build tools are development dependencies.
  run('npm', ['install', '--include=dev', '--no-audit', '--no-fund', '--loglevel=error'], 'it needs the npm registry once');
  // tap is made of plugins: without this its first run would use those that package.json switches off.
  run('npx', ['tap', 'build'], 'the test runner could not be built');
  // npm leaves the file alone when there was nothing to change.
  utimesSync('node_modules/.package-lock.json', new Date(), new Date());
}

function run(command, args, hint) {
  const { status } = spawnSync(command, args, { stdio: ['ignore', 'ignore', 'inherit'], shell: process.platform === 'win32' });
  if (status !== 0) stop(`${command} ${args[0]} failed: ${hint}; see above`);
}

function changed(file) {
  try {
    return statSync(file).mtimeMs;
  } catch {
    return 0;
  }
}

function stop(message) {
  console.error(message);
  process.exit(1);
}
