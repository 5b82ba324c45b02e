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

const { scripts, dependencies, devDependencies }: Package = JSON.parse(textOf('package.json'));

function exists(path: string): boolean {
  return existsSync(new URL(path, root));
}

test('every script runs files and scripts that are there', async (t) => {
  for (const [name, command] of Object.entries(scripts)) {
    for (const [file] of command.matchAll(/(?<![\w./-])[\w./-]+\.(?:ts|mjs|js)\b/g)) {
      t.ok(file.startsWith('dist/') || exists(file), `${name}: ${file}`);
    }
    for (const [, called = ''] of command.matchAll(/npm run (?:--silent )?([\w:]+)/g)) t.ok(scripts[called], `${name}: npm run ${called}`);
  }
});

test('every dependency is named in the README with its reason', async (t) => {
  const readme = textOf('README.md');
  for (const name of [...Object.keys(dependencies), ...Object.keys(devDependencies)]) {
    const quoted = name.replace(/[/.]/g, '\\$&');
    t.match(readme, new RegExp(`\`${quoted}\`[^\\n]*\\w{3,}`), name);
  }
});

test('every dependency is used', async (t) => {
  const text = [...filesIn(['src', 'test', 'bench', '.ci', 'config'], ['.ts', '.tsx', '.mjs']), 'package.json'].map(textOf).join('\n');
  const commands = Object.values(scripts).join('\n');
  for (const name of Object.keys(dependencies)) t.match(text, new RegExp(`['"]${name}['"]`), name);
  const tools: Record<string, string> = { '@biomejs/biome': 'biome', typescript: 'tsc', tsx: 'tsx' };
  for (const name of Object.keys(devDependencies).filter((one) => !one.startsWith('@types/'))) {
    const imported = new RegExp(`from ['"]${name}['"]`).test(text);
    t.ok(imported || new RegExp(`\\b${tools[name] ?? name}\\b`).test(commands), name);
  }
});

test('what the pages tell people to run, open or look at is there', async (t) => {
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

test('package-lock.json leaves the choice of the registry to whoever installs', async (t) => {
  t.notMatch(textOf('package-lock.json'), /"resolved"|registry\.|npmmirror|yarnpkg/);
  t.match(textOf('.npmrc'), /^omit-lockfile-registry-resolved=true$/m);
});
