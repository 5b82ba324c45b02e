import type { Command } from 'commander';
import { test } from 'tap';
import { textOf } from '../tools/source-files.ts';
import { cliPage, program } from './cli-page.ts';

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
