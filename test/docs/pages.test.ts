import { test } from 'tap';
import { parse } from 'yaml';
import { buildProgram } from '../../src/cli/program.ts';
import { parseDocument } from '../../src/config/document.ts';
import { pushedProject } from '../../src/control/project-document.ts';
import { wireFaults } from '../../src/http1/wire-fault.ts';
import { project } from '../../src/model/project.ts';
import { policyTypes } from '../../src/policies/index.ts';
import { failures } from '../../src/proxy/failures.ts';
import { filesIn, textOf } from '../tools/source-files.ts';

/** `status code` of every failure that a source file makes by itself. */
function failuresIn(file: string): string[] {
  return [...textOf(file).matchAll(/\{ status: (\d+), code: '([\w.-]+)'/g)].map(([, status, code]) => `${status} ${code}`);
}

/** `status code` of every row of docs/request.md: the status begins its first cell, codes are in code marks in its second. */
function statusesIn(page: string): string[] {
  return [...page.matchAll(/^\| (\d{3})\b[^|]*\| ([^|]+)\|/gm)].flatMap(([, status, codes = '']) =>
    [...codes.matchAll(/`([\w.-]+)`/g)].map(([, code]) => `${status} ${code}`),
  );
}

test('docs/request.md names every status that Sluice itself answers with, and no other', async (t) => {
  const page = textOf('docs/request.md');
  const ofUpstreams = new Set(['bad-status-line', 'bad-reason']);
  const made = [...Object.values(failures), ...Object.values(wireFaults).filter(({ code }) => !ofUpstreams.has(code))].map(
    ({ status, code }) => `${status} ${code}`,
  );
  const elsewhere = filesIn(['src/gateway', 'src/balancer', 'src/proxy'], ['.ts']).flatMap(failuresIn);
  t.ok(elsewhere.includes('400 bad-path') && elsewhere.includes('404 no-environment'), 'the sources are read');
  t.strictSame([...new Set(statusesIn(page))].sort(), [...new Set([...made, ...elsewhere])].sort());
  for (const code of ofUpstreams) t.match(page, `\`${code}\``);
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
      t.match(section, new RegExp(`^\\| \`${setting}\` +\\|`, 'm'), `${name}: ${setting}`);
    if (points.length < 4) for (const point of points) t.match(section, `\`${point}\``, `${name}: ${point}`);
    else t.match(section, /at all four points/, name);
  }
  const codes = filesIn(['src/policies'], ['.ts']).flatMap((file) =>
    [...textOf(file).matchAll(/'(api-key-\w+)'/g)].map(([, code]) => code),
  );
  for (const code of codes) t.match(sections.get('apiKey'), `\`${code}\``);
});

test('projects shown on the pages are valid', async (t) => {
  let shown = 0;
  for (const page of ['README.md', ...filesIn(['docs'], ['.md'])]) {
    for (const [, text = ''] of textOf(page).matchAll(/^```yaml\n([\s\S]*?)^```$/gm)) {
      if (!('basePath' in parse(text))) continue;
      shown++;
      t.equal(parseDocument(text, pushedProject).basePath, project.parse(parse(text)).basePath, page);
    }
  }
  t.ok(shown > 0);
});

test('every command of `sluice` is in the table of the README', async (t) => {
  const none = async () => undefined;
  const terminal = { out: () => {}, err: () => {}, columns: undefined, env: {} };
  const table = textOf('README.md').split(/^## Commands$/m)[1] ?? '';
  const rows = [...table.matchAll(/^\| `sluice (\w+)(.*?)\|/gm)];
  for (const command of buildProgram({ serve: none, gateway: none, up: none }, 'test', terminal).commands) {
    const row = rows.filter(([line]) => new RegExp(`\\b${command.name()}\\b`).test(line)).map(([line]) => line);
    t.ok(row.length > 0, command.name());
    for (const below of command.commands) t.match(row.join('\n'), new RegExp(`\\b${below.name()}\\b`), `${command.name()} ${below.name()}`);
  }
});
