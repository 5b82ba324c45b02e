import { existsSync } from 'node:fs';
import { posix } from 'node:path';
import type { Command } from 'commander';
import { test } from 'tap';
import { optionsPage, policiesPage } from '../../config/option-pages.ts';
import { readConfig } from '../../src/config/config.ts';
import { wireFaults } from '../../src/http1/message/wire-fault.ts';
import type { SluiceError } from '../../src/model/fault.ts';
import { statusOf } from '../../src/model/fault.ts';
import { policyTypes } from '../../src/policies/policy-types.ts';
import { failures } from '../../src/proxy/failures.ts';
import { allPages, anchorsOf, linksOf } from '../tools/pages.ts';
import { filesIn, root, textOf } from '../tools/source-files.ts';
import { cliPage, program } from './cli-page.ts';

/** Lists `STATUS CODE` of every failure that a source file creates. */
function failuresIn(file: string): string[] {
  return [...textOf(file).matchAll(/\{ status: (\d+), code: '([\w.-]+)'/g)].map(([, status, code]) => `${status} ${code}`);
}

/** Lists `STATUS CODE` of every table row: the status begins the first cell, the codes are in backticks in the second. */
function statusesIn(page: string): string[] {
  return [...page.matchAll(/^\| (\d{3})\b[^|]*\| ([^|]+)\|/gm)].flatMap(([, status, codes = '']) =>
    [...codes.matchAll(/`([\w.-]+)`/g)].map(([, code]) => `${status} ${code}`),
  );
}

test('docs/request.md lists exactly the statuses that Sluice itself answers with', async (t) => {
  const page = textOf('docs/request.md');
  const ofUpstreams = new Set(['bad-status-line', 'bad-reason']);
  const made = [...Object.values(failures), ...Object.values(wireFaults).filter(({ code }) => !ofUpstreams.has(code))].map(
    ({ status, code }) => `${status} ${code}`,
  );
  const elsewhere = filesIn(['src/gateway', 'src/balancer', 'src/proxy'], ['.ts']).flatMap(failuresIn);
  t.ok(elsewhere.includes('400 bad-path') && elsewhere.includes('404 no-environment'), 'the sources are found');
  t.strictSame([...new Set(statusesIn(page))].sort(), [...new Set([...made, ...elsewhere])].sort());
  for (const code of ofUpstreams) t.match(page, `\`${code}\``);
});

test('docs/request.md says for every status what to do', async (t) => {
  const rows = [...textOf('docs/request.md').matchAll(/^\| \d{3}\b.*\|$/gm)].map(([row]) => row.split('|').map((cell) => cell.trim()));
  t.ok(rows.length > 30);
  t.strictSame(
    rows.filter((cells) => cells.slice(1, -1).some((cell) => cell === '')),
    [],
  );
});

test('docs/troubleshooting.md lists exactly the codes of the admin API', async (t) => {
  const shown = textOf('docs/troubleshooting.md').split('## What the admin API answers')[1] ?? '';
  const text = filesIn(['src/control'], ['.ts']).map(textOf).join('\n');
  const own = [
    ...[...text.matchAll(/describeProblem\(\s*(\d+), '([\w-]+)'/g)].map(([, status, code]) => `${status} ${code}`),
    ...[...text.matchAll(/status: (\d+),\s+code: '([\w-]+)'/g)].map(([, status, code]) => `${status} ${code}`),
  ];
  t.ok(own.includes('415 unsupported-media-type') && own.includes('405 method-not-allowed'), 'the sources are found');
  const all = [...Object.entries(statusOf).map(([code, status]) => `${status} ${code}`), ...own];
  t.strictSame(statusesIn(shown).sort(), [...new Set(all)].sort());
});

test('the generated pages are current (if not: `npm run schema`)', async (t) => {
  t.equal(textOf('docs/options.md'), optionsPage());
  t.equal(textOf('docs/policies.md'), policiesPage(textOf('docs/policies.md')));
});

test('docs/policies.md has a section for every policy, with its points, settings and codes', async (t) => {
  const sections = new Map(
    textOf('docs/policies.md')
      .split(/^## /m)
      .slice(1)
      .map((section) => [section.slice(0, section.indexOf('\n')), section]),
  );
  t.strictSame([...sections.keys()].sort(), [...policyTypes.keys()].sort());
  for (const [name, { settings, points }] of policyTypes) {
    const section = sections.get(name) ?? '';
    for (const setting of Object.keys((settings as unknown as { shape: object }).shape))
      t.match(section, new RegExp(`^\\| \`${setting}((\\[\\])?\\.\\w+)?\` +\\|`, 'm'), `${name}: ${setting}`);
    if (points.length < 4) for (const point of points) t.match(section, `\`${point}\``, `${name}: ${point}`);
    else t.match(section, /at all four points/, name);
  }
  const codes = filesIn(['src/policies'], ['.ts']).flatMap((file) =>
    [...textOf(file).matchAll(/'(api-key-\w+)'/g)].map(([, code]) => code),
  );
  for (const code of codes) t.match(sections.get('apiKey'), `\`${code}\``);
});

test('every command of `sluice` is in the table of the README', async (t) => {
  const table = textOf('README.md').split(/^## Commands$/m)[1] ?? '';
  const rows = [...table.matchAll(/^\| `sluice (\w+)(.*?)\|/gm)];
  for (const command of program().commands) {
    const row = rows.filter(([line]) => new RegExp(`\\b${command.name()}\\b`).test(line)).map(([line]) => line);
    t.ok(row.length > 0, command.name());
    for (const below of command.commands) t.match(row.join('\n'), new RegExp(`\\b${below.name()}\\b`), `${command.name()} ${below.name()}`);
  }
});

/** Describes the fault of a link on a page; undefined if it has none. */
function faultOf(page: string, link: string): string | undefined {
  const [path = '', anchor] = link.split('#');
  const target = path === '' ? page : posix.join(posix.dirname(page), path);
  if (!existsSync(new URL(target, root))) return `${page}: ${link} leads nowhere`;
  if (anchor !== undefined && !anchorsOf(target).has(anchor)) return `${page}: ${target} has no heading for #${anchor}`;
  return undefined;
}

test('every link between pages leads somewhere, anchors included', async (t) => {
  const faults = allPages.flatMap((page) => linksOf(page).flatMap((link) => faultOf(page, link) ?? []));
  t.strictSame(faults, []);
  t.match(faultOf('README.md', 'docs/nowhere.md'), /leads nowhere/);
  t.match(faultOf('README.md', 'docs/request.md#nowhere'), /has no heading/);
});

test('every page is linked from the README', async (t) => {
  const linked = new Set(linksOf('README.md').map((link) => link.split('#')[0]));
  t.strictSame(
    allPages.filter((page) => page !== 'README.md' && !linked.has(page)),
    [],
  );
});

test('every page begins with its only title, followed by text', async (t) => {
  for (const page of allPages) {
    const text = textOf(page);
    t.match(text, /^# .+\n\n\S/, page);
    t.equal([...text.replace(/^```[\s\S]*?^```$/gm, '').matchAll(/^# /gm)].length, 1, `${page} has one title`);
  }
});

test('every variable on docs/options.md exists', async (t) => {
  const variables = [...textOf('docs/options.md').matchAll(/<br>`(SLUICE_\w+)`/g)].map(([, name = '']) => name);
  t.ok(variables.length > 40);
  t.equal(new Set(variables).size, variables.length);
  t.strictSame(
    variables.filter((name) => unknown(name)),
    [],
  );
  t.ok(unknown('SLUICE_ENVIRONMENTS_PRODUCTION_NONSENSE'), 'the check finds faults');
});

/** True if the variable does not exist. Its value may still be wrong. */
function unknown(name: string): boolean {
  try {
    readConfig('', { env: { [name]: '1' } });
    return false;
  } catch (error) {
    return (error as SluiceError).faults.some(({ path, message }) => path === name && message.startsWith('is not a variable'));
  }
}

test('docs/cli.md describes every command as the program does', async (t) => {
  t.equal(textOf('docs/cli.md'), cliPage(), 'if not: node --import=tsx test/docs/write-cli-page.ts');
});

test('docs/cli.md and the help contain every command and option', async (t) => {
  const page = textOf('docs/cli.md');
  const seen: string[] = [];
  const visit = (command: Command, name: string) => {
    if (command.commands.length === 0) {
      seen.push(name);
      t.match(page, `\n## ${name}\n`);
    }
    for (const { long, description } of command.options) {
      t.match(page, `${long}`, `${name} ${long}`);
      t.ok(description.length > 3, `${name} ${long} has a description`);
    }
    for (const below of command.commands) visit(below, `${name} ${below.name()}`);
  };
  visit(program(), 'sluice');
  t.ok(seen.length >= 25, `${seen.length} commands`);
});
