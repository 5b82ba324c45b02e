import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { type Test, test } from 'tap';
import { parse } from 'yaml';
import { readOpenApi } from '../../src/cli/import/openapi-document.ts';
import { check } from '../../src/config/check.ts';
import { readConfig } from '../../src/config/config.ts';
import { configSchema } from '../../src/config/config-schema.ts';
import { parseDocument } from '../../src/config/document.ts';
import { environmentSpec } from '../../src/model/environment.ts';
import { pushedProject } from '../../src/projects/pushed-project.ts';
import { onPath } from '../tools/debian-packages.ts';
import { allPages, type Block, blocksOf } from '../tools/pages.ts';
import { program } from './cli-page.ts';
import { roles } from './follow.ts';

const run = promisify(execFile);
const blocks = allPages.flatMap((page) => blocksOf(page).map((block) => ({ page, ...block, place: `${page}:${block.line}` })));

/** Arguments with which other programs check their own files that pages show. */
const checkers: Readonly<Record<string, (file: string, folder: string) => string[]>> = {
  haproxy: (file) => ['-c', '-q', '-f', file],
  nginx: (file, folder) => ['-t', '-q', '-p', folder, '-c', file, '-g', `pid ${join(folder, 'nginx.pid')}; error_log stderr;`],
  caddyfile: (file) => ['adapt', '--adapter', 'caddyfile', '--config', file],
};
const programs: Readonly<Record<string, string>> = { caddyfile: 'caddy' };
/** Languages of files that need no checker: they are used when the page is walked, except Kong's, which are only shown. */
const unchecked = ['redis', 'js', 'kong', 'ini', 'yaml', 'json'];

test('every block says what it is, so that none goes unchecked', async (t) => {
  t.ok(blocks.length > 50);
  for (const { language, role, place } of blocks) {
    const allowed = language === 'sh' || language === 'text' ? roles[language].includes(role) : true;
    t.ok(allowed, `${place}: \`\`\`${language} ${role}`);
    if (language !== 'sh' && language !== 'text') t.ok(unchecked.includes(language) || checkers[language], `${place}: \`\`\`${language}`);
  }
});

test('configurations, environments and projects on the pages are valid', async (t) => {
  const shown = blocks.filter(({ language }) => language === 'yaml' || language === 'json');
  t.ok(shown.length > 10);
  for (const { text, place } of shown) t.doesNotThrow(() => load(text), place);
  t.throws(() => load('listen: nowhere\n'), 'the check finds faults');
});

/** Loads a project, an OpenAPI document, a balancer's configuration, or the settings of an environment, told apart by their keys. */
function load(text: string): void {
  const keys = Object.keys(parse(text) as object);
  if (keys.includes('basePath')) parseDocument(text, pushedProject);
  else if (keys.includes('openapi')) readOpenApi(Buffer.from(text));
  else if (keys.every((key) => key in configSchema.shape)) readConfig(text, { env: {} });
  else if (check(parse(text), environmentSpec).faults) throw new Error(JSON.stringify(check(parse(text), environmentSpec).faults));
}

test('commands for other machines are valid shell, and their options exist', async (t) => {
  const elsewhere = blocks.filter(({ language, role }) => language === 'sh' && role === 'elsewhere');
  t.ok(elsewhere.length > 2);
  for (const { text, place } of elsewhere) {
    await t.resolves(run('/bin/sh', ['-n', '-c', text]), place);
    const commands = text.replaceAll('\\\n', ' ').matchAll(/^(?:npx )?sluice (.+)$/gm);
    for (const [, words = ''] of commands) await t.resolves(parsed(words.split(/\s+/)), `${place}: sluice ${words}`);
  }
  await t.rejects(parsed(['serve', '--nonsense']), 'the check finds faults');
});

/** Parses the command line of a role, which is not started. Other commands would be carried out, and must be walked instead. */
async function parsed(words: readonly string[]): Promise<void> {
  if (!['serve', 'gateway', 'up'].includes(words[0] ?? ''))
    throw new Error(`sluice ${words.join(' ')} would be carried out: mark its block "sh", so that it is walked`);
  await program().parseAsync([...words], { from: 'user' });
}

for (const [language, words] of Object.entries(checkers)) {
  test(`the ${language} files on the pages are accepted`, async (t) => {
    const checker = await onPath(programs[language] ?? language);
    if (checker === undefined) return t.comment(`${programs[language] ?? language} is not installed`);
    for (const block of blocks.filter((one) => one.language === language)) await accepted(t, checker, block, words);
  });
}

async function accepted(t: Test, checker: string, block: Block & { place: string }, words: (file: string, folder: string) => string[]) {
  const folder = await mkdtemp(join(tmpdir(), 'sluice-block-'));
  const file = join(folder, block.role);
  await writeFile(file, block.text);
  await t.resolves(run(checker, words(file, folder)), block.place);
  await rm(folder, { recursive: true });
}
