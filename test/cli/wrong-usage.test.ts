import type { Command, Option } from 'commander';
import { test } from 'tap';
import { buildProgram } from '../../src/cli/program.ts';
import { run } from './command-line.ts';
import { TerminalUnderTest } from './terminal-under-test.ts';

const none = async () => undefined;
const program = buildProgram({ serve: none, gateway: none, up: none }, '1.2.3', new TerminalUnderTest({}));

/** A command that does something, with the words that call it correctly. */
interface Leaf {
  readonly path: readonly string[];
  readonly options: readonly Option[];
  /** Values for its required arguments. */
  readonly values: readonly string[];
  /** Its mandatory options with values. */
  readonly mandatory: readonly string[];
}

const values: Readonly<Record<string, string>> = { n: '1', shell: 'bash', file: 'x.yaml', 'openapi-file': 'x.yaml' };
const optionValues: Readonly<Record<string, string>> = {
  '--join': 'http://127.0.0.1:1',
  '--target': 'http://127.0.0.1:1',
  '--projects': 'shop',
  '--environment': 'production',
};

function leavesOf(command: Command, path: readonly string[] = []): Leaf[] {
  if (command.commands.length > 0) return command.commands.flatMap((one) => leavesOf(one, [...path, one.name()]));
  return [
    {
      path,
      options: command.options,
      values: command.registeredArguments.filter((one) => one.required).map((one) => values[one.name()] ?? 'x'),
      mandatory: command.options.filter((one) => one.mandatory).flatMap(({ long }) => [long ?? '', optionValues[long ?? ''] ?? '']),
    },
  ];
}

const leaves = leavesOf(program).filter(({ path }) => path[0] !== 'completion');
const groups = program.commands.filter(({ commands }) => commands.length > 0);
const allOptions = new Map(leaves.flatMap(({ options }) => options).map((option) => [option.long as string, option]));

/** Misspellings of an option that resemble no other option of the command. */
function misspelt(long: string): string[] {
  const word = long.slice(2);
  const doubled = `--${word.slice(0, 2)}${word.slice(1)}`;
  const swapped = `--${word.slice(0, -2)}${word.at(-1)}${word.at(-2)}`;
  return [doubled, swapped, `--${word.toUpperCase()}`, `--${word.replace('-', '_')}`, `--${word}s`].filter((one) => !allOptions.has(one));
}

async function refused(argv: readonly string[]): Promise<string> {
  const { status, out, err, roles } = await run([...argv], { env: { SLUICE_CONTROL: 'http://127.0.0.1:1', SLUICE_ADMIN_TOKEN: 'x' } });
  if (status !== 2 || out !== '' || roles.length > 0) throw new Error(`${argv.join(' ')}: status ${status}, ${err}`);
  return err.split('\n')[0] ?? '';
}

test('every command names a misspelt option, and the one that was meant, whatever else is missing', async (t) => {
  let cases = 0;
  for (const { path, options, values, mandatory } of leaves) {
    for (const { long } of options) {
      for (const wrong of misspelt(long as string)) {
        for (const rest of [[...values, ...mandatory], values, []]) {
          const said = await refused([...path, ...rest, wrong, 'secret-value']);
          if (!said.includes(`'${wrong}'`) || !new RegExp(`did you mean ([^?]*)${long}\\b`).test(said))
            t.fail(`${path.join(' ')} ${wrong}: ${said}`);
          cases++;
        }
        const joined = await refused([...path, `${wrong}=secret-value`]);
        if (!joined.includes(`'${wrong}'`) || joined.includes('secret')) t.fail(joined);
      }
    }
  }
  t.ok(cases > 500, `${cases} cases`);
});

test('an abbreviated option names the whole one', async (t) => {
  const table: [words: string, meant: string][] = [
    ['server add x --env y', '--environment'],
    ['server add x --environ y', '--environment'],
    ['server add x -env y', '--environment'],
    ['server add x -environment y', '--environment'],
    ['deploy petstore --env production --wait', '--environment'],
    ['top --env=y', '--environment'],
    ['gateway --dir x', '--data-dir'],
    ['gateway --proxies 10.0.0.0/8', '--trusted-proxies'],
    ['status -json', '--json'],
    ['project import x --path /x', '--base-path'],
    ['serve --conf x', '--config'],
  ];
  for (const [words, meant] of table) t.match(await refused(words.split(' ')), `did you mean ${meant}?`, words);
});

test('an option of another command is named, with the commands that take it', async (t) => {
  let cases = 0;
  for (const { path, options, values, mandatory } of leaves) {
    const own = new Set(options.map(({ long }) => long));
    for (const [long, option] of allOptions) {
      if (own.has(long)) continue;
      const word = option.required ? ['7s'] : [];
      for (const rest of [[...values, ...mandatory], []]) {
        const said = await refused([...path, ...rest, long, ...word]);
        if (!said.includes(`unknown option '${long}'`)) t.fail(`${path.join(' ')} ${long}: ${said}`);
        cases++;
      }
    }
  }
  t.ok(cases > 200, `${cases} cases`);
  t.match(await refused(['status', '--gateways', '3']), `unknown option '--gateways'; "sluice up" takes it`);
  t.match(
    await refused(['server', 'weight', 'x', '1', '--force']),
    `unknown option '--force'; "sluice env delete", "sluice product delete" take it`,
  );
});

test('an option that lacks its value is named, also if another option follows', async (t) => {
  for (const { path, options, values, mandatory } of leaves) {
    for (const { long, flags } of options.filter(({ required }) => required)) {
      const rest = [...values, ...mandatory];
      for (const words of [
        [long ?? ''],
        [`${long}=`],
        [long ?? '', ''],
        [long ?? '', options.find((one) => one.long !== long)?.long ?? '--help'],
      ]) {
        const said = await refused([...path, ...rest, ...words]);
        t.ok(said.includes(`option '${flags}' argument missing`), `${path.join(' ')} ${words.join(' ')}: ${said}`);
      }
    }
    for (const { long } of options.filter(({ required, optional }) => !required && !optional)) {
      const said = await refused([...path, ...values, ...mandatory, `${long}=true`]);
      t.ok(said.includes(`option '${long}' takes no value`), `${path.join(' ')}: ${said}`);
    }
  }
});

test('every missing argument and every missing mandatory option is named', async (t) => {
  for (const { path, options, values, mandatory } of leaves) {
    const command = path.reduce<Command>((at, name) => at.commands.find((one) => one.name() === name) as Command, program);
    const required = command.registeredArguments.filter((one) => one.required);
    for (const [index, argument] of required.entries()) {
      const said = await refused([...path, ...values.slice(0, index), ...mandatory]);
      t.match(said, `missing required argument '${argument.name()}'`, path.join(' '));
    }
    for (const { flags } of options.filter((one) => one.mandatory))
      t.match(await refused([...path, ...values]), `required option '${flags}' not specified`);
    const variadic = command.registeredArguments.some((one) => one.variadic);
    const most = command.registeredArguments.length;
    if (!variadic)
      t.match(await refused([...path, ...Array(most + 1).fill('7'), ...mandatory]), /too many arguments|invalid/, path.join(' '));
  }
});

test('every misspelt command is named with the one that was meant; options before the command too', async (t) => {
  for (const { path } of leaves) {
    const name = path.at(-1) as string;
    const before = path.slice(0, -1);
    const misspelt = [`${name}s`, `${name.slice(0, -2)}${name.at(-1)}${name.at(-2)}`, name.toUpperCase()];
    for (const wrong of misspelt.filter((one) => one !== name)) {
      const said = await refused([...before, wrong]);
      t.match(said, `unknown command '${wrong}'; did you mean "sluice ${path.join(' ')}"?`);
    }
  }
  t.match(await refused(['environment', 'list']), 'did you mean "sluice env"?');
  t.match(await refused(['push', 'x']), 'did you mean "sluice project push"?');
  for (const group of groups) {
    const said = await refused([group.name(), 'xyzzy']);
    t.match(said, `unknown command 'xyzzy'; "sluice ${group.name()}" has ${group.commands.map((one) => one.name()).join(', ')}`);
  }
  t.match(await refused(['--control', 'http://127.0.0.1:1', 'status']), `option '--control' comes after the command`);
  t.match(await refused(['server', '--environment', 'x', 'list']), `option '--environment' comes after the command`);
  t.match(await refused(['--contrl', 'x', 'status']), `unknown option '--contrl'; did you mean --control?`);
});

test('what looks like a wrong option and is none is taken', async (t) => {
  t.same((await run(['gateway', '--join', 'http://x', '--token', '-abc'])).roles, [
    ['gateway', { join: 'http://x', listen: '127.0.0.1:0', token: '-abc' }],
  ]);
  t.match(await run(['server', 'weight', 'a', '-1']), { status: 2, err: /whole number from 0 to 65535/ });
  const attached = await run(['deploy', 'pets', '-eproduction', '--control', 'http://127.0.0.1:1', '--token', 'x']);
  t.match(attached, { status: 1, err: /cannot reach the balancer/ });
  t.match(await run(['server', 'add', '--env', 'x', '--help']), { status: 0, out: /^Usage: sluice server add/ });
});
