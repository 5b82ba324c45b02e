// The packages that stay outside the bundle, and the package.json that is published, with only those as dependencies.
//   node .ci/manifest.mjs publish   before `npm pack` reads package.json; the checkout's own is kept aside
//   node .ci/manifest.mjs restore   puts the checkout's own back
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** Packages that are installed with Sluice. All others are inside dist, so that users need no override and get no build tools. */
export const outside = ['http-proxy', 'ioredis', 'pino', 'ws'];

const path = (file) => fileURLToPath(new URL(`../${file}`, import.meta.url));
const manifest = path('package.json');
const aside = path('dist/checkout.package.json');

function publish() {
  const text = readFileSync(manifest, 'utf8');
  const { dependencies, devDependencies, overrides, allowScripts, scripts, tap, ...rest } = JSON.parse(text);
  const kept = Object.fromEntries(outside.map((name) => [name, dependencies[name]]));
  mkdirSync(path('dist'), { recursive: true });
  writeFileSync(aside, text);
  writeFileSync(manifest, `${JSON.stringify({ ...rest, dependencies: kept }, null, 2)}\n`);
}

/** Does nothing if the checkout's own package.json is in place. */
export function restore() {
  if (existsSync(aside)) renameSync(aside, manifest);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  if (process.argv[2] === 'publish') publish();
  else restore();
}
