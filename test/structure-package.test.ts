import { existsSync } from 'node:fs';
import { posix } from 'node:path';
import { test } from 'tap';
import { allPages } from './tools/pages.ts';
import { filesIn, root, textOf } from './tools/source-files.ts';

interface Package {
  readonly scripts: Record<string, string>;
  readonly dependencies: Record<string, string>;
  readonly devDependencies: Record<string, string>;
}

interface Locked {
  readonly integrity?: string;
  readonly dependencies?: Record<string, string>;
  readonly optionalDependencies?: Record<string, string>;
}

const { scripts, dependencies, devDependencies }: Package = JSON.parse(textOf('package.json'));
/** Every package by the path where it is installed; the path of the checkout is ''. */
const locked: Record<string, Locked> = JSON.parse(textOf('package-lock.json')).packages;

function exists(path: string): boolean {
  return existsSync(new URL(path, root));
}

test('every script runs files and scripts that exist', async (t) => {
  for (const [name, command] of Object.entries(scripts)) {
    for (const [file] of command.matchAll(/(?<![\w./-])[\w./-]+\.(?:ts|mjs|js)\b/g)) {
      t.ok(file.startsWith('dist/') || exists(file), `${name}: ${file}`);
    }
    for (const [, called = ''] of command.matchAll(/npm run (?:--silent )?([\w:]+)/g)) t.ok(scripts[called], `${name}: npm run ${called}`);
  }
});

test('every dependency is named in the README with its reason', async (t) => {
  const readme = textOf('README.md');
  for (const name of Object.keys({ ...dependencies, ...devDependencies })) {
    const quoted = name.replace(/[/.]/g, '\\$&');
    t.match(readme, new RegExp(`\`${quoted}\`[^\\n]*\\w{3,}`), name);
  }
});

test('every dependency is used', async (t) => {
  const text = [...filesIn(['src', 'test', 'bench', '.ci', 'config'], ['.ts', '.tsx', '.mjs']), 'package.json'].map(textOf).join('\n');
  const commands = Object.values(scripts).join('\n');
  for (const name of Object.keys(dependencies)) t.match(text, new RegExp(`['"]${name}['"]`), name);
  const commandOf: Record<string, string> = { '@biomejs/biome': 'biome', typescript: 'tsc', tsx: 'tsx' };
  for (const name of Object.keys(devDependencies).filter((one) => !one.startsWith('@types/'))) {
    const imported = new RegExp(`from ['"]${name}(/[^'"]*)?['"]`).test(text);
    t.ok(imported || new RegExp(`\\b${commandOf[name] ?? name}\\b`).test(commands), name);
  }
});

test('commands, files and links on the pages exist', async (t) => {
  for (const page of allPages) {
    const text = textOf(page);
    for (const [, name = ''] of text.matchAll(/npm run (?:--silent )?([\w:-]+)/g)) t.ok(scripts[name], `${page}: npm run ${name}`);
    for (const [file] of text.matchAll(/\bconfig\/[\w.-]+\.(?:ya?ml|json)\b/g)) t.ok(exists(file), `${page}: ${file}`);
    for (const [file] of text.matchAll(/\b(?:src|test|bench|\.ci)\/[\w./-]+\.\w+\b/g)) t.ok(exists(file), `${page}: ${file}`);
    for (const [, link = ''] of text.matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^(?:[a-z]+:|#)/.test(link)) continue;
      t.ok(exists(posix.join(posix.dirname(page), link.replace(/#.*/, ''))), `${page}: ${link}`);
    }
  }
});

test('a checkout may have a path with spaces and non-ASCII letters', async (t) => {
  for (const file of filesIn(['src', 'test', 'bench', '.ci', 'config'], ['.ts', '.tsx', '.mjs'])) {
    t.notMatch(textOf(file), /new URL\([^)]*(?:import\.meta\.url|\broot|\bfolder)\)\.pathname/, `${file}: fileURLToPath gives the path`);
  }
});

test('package-lock.json names no registry, and pins every package', async (t) => {
  t.notMatch(textOf('package-lock.json'), /"resolved"|registry\.|npmmirror|yarnpkg/);
  t.match(textOf('.npmrc'), /^omit-lockfile-registry-resolved=true$/m);
  for (const [place, { integrity }] of Object.entries(locked)) {
    if (place.includes('node_modules/')) t.match(integrity, /^sha512-/, place);
  }
});

test('package-lock.json has the optional packages of every platform', async (t) => {
  const optional = Object.entries(locked).flatMap(([place, { optionalDependencies = {} }]) =>
    Object.keys(optionalDependencies).map((name) => ({ place, name })),
  );
  t.ok(optional.length > 20, 'esbuild alone has more');
  for (const { place, name } of optional) t.ok(foundFrom(place, name), `${name}, which ${place} may need`);
});

test('npm start installs the packages to build and run, not those to test', async (t) => {
  const direct = Object.keys(dependencies);
  for (const name of Object.keys(devDependencies)) t.notOk(direct.includes(name), name);
  const installed = new Set(direct.map((name) => `node_modules/${name}`));
  for (const place of installed) {
    for (const name of Object.keys({ ...locked[place]?.dependencies, ...locked[place]?.optionalDependencies })) {
      const found = foundFrom(place, name);
      if (found !== undefined) installed.add(found);
    }
  }
  t.ok(installed.size < 140, `${installed.size} packages, including those of other platforms`);
});

/** Resolves a package name from `place` to its path in the lock file, as Node.js does. */
function foundFrom(place: string, name: string): string | undefined {
  for (let folder = place; ; folder = folder.slice(0, Math.max(0, folder.lastIndexOf('/node_modules/')))) {
    const found = `${folder === '' ? '' : `${folder}/`}node_modules/${name}`;
    if (locked[found] !== undefined) return found;
    if (folder === '') return undefined;
  }
}
