import { execFile, execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { test } from 'tap';
import { controlUnderTest, joinRequest, sampleProject, tokens } from '../control/control-under-test.ts';
import { ownFolder } from '../tools/own-folder.ts';
import type { Owner } from '../tools/owner.ts';
import { operatorEnv, run } from './command-line.ts';
import { PseudoTerminal } from './pseudo-terminal.ts';

/** The possible next words, in the format of bash's script. Without a balancer, unless `env` gives one. */
async function nextWords(words: readonly string[], env: Record<string, string> = {}): Promise<string[]> {
  const { status, out, err } = await run(['completion', 'bash', '--', ...words], { env: { SLUICE_CONTROL: 'http://127.0.0.1:1', ...env } });
  if (status !== 0 || err !== '') throw new Error(`${status}: ${err}`);
  return out === '' ? [] : out.split('\n');
}

test('commands, options and their values are completed', async (t) => {
  const table: [words: string[], follows: string[]][] = [
    [['stat'], ['status']],
    [['server', 'dr'], ['drain']],
    [['project', 'import', '--ta'], ['--target']],
    [['status', '--no-c'], ['--no-color']],
    [['--vers'], ['--version']],
    [['status', '--vers'], []],
    [['top', '--sort', 'l'], ['latency']],
    [['top', '--sort=l'], ['--sort=latency']],
    [['top', '-s', 'na'], ['name']],
    [['completion', 'f'], ['fish']],
    [['project', 'push', ''], [':files']],
    [['project', 'push', '--json', './'], [':files']],
    [['env', 'create', 'x', '--file', ''], [':files']],
    [['serve', '--config='], [':files']],
    [['gateway', '--data-dir', ''], [':files']],
    [['status', '--control', ''], []],
    [['status', 'x'], []],
    [['nonsense', ''], []],
    [['project', 'push', '--', '--'], [':files']],
    [['server', 'add', ''], []],
  ];
  for (const [words, follows] of table) t.strictSame(await nextWords(words), follows, words.join(' '));
  const commands = await nextWords(['']);
  for (const name of ['up', 'serve', 'gateway', 'env', 'server', 'project', 'deploy', 'status', 'top', 'completion'])
    t.ok(commands.includes(name), name);
  t.ok((await nextWords(['server', 'drain', 'a', '--'])).includes('--no-wait'));
  t.match(await run(['completion', 'fish', '--', 'deploy', '--wa']), {
    out: '--wait\twait until every server has acknowledged or rejected the revision; exit status 1 if a server rejected it',
  });
  t.match(await run(['completion', 'zsh', '--', 'top', '--on']), { out: '--once:print one table and exit, like --count 1' });
  t.match(await run(['completion', 'tcsh']), { status: 2, err: /Allowed choices are bash, zsh, fish/ });
  t.match(await run(['completion']), { status: 2, err: /missing required argument 'shell'/ });
});

test('names come from the balancer, found by the control address and token on the line', async (t) => {
  const under = await controlUnderTest(t);
  const { registry, control } = under;
  for (const name of ['production', 'preview']) await registry.putEnvironment(name, {});
  for (const id of ['gateway-1', 'gateway-2']) await registry.join(joinRequest(id, 'production'));
  for (const version of ['1', '2']) await under.ask('POST', '/v1/projects', { body: { ...sampleProject('petstore'), version } });
  const env = operatorEnv(control);
  t.strictSame(await nextWords(['deploy', 'petstore', '-e', 'pr'], env), ['preview', 'production']);
  t.strictSame(await nextWords(['deploy', 'petstore', '--environment=prod'], env), ['--environment=production']);
  t.strictSame(await nextWords(['server', 'drain', 'g'], env), ['gateway-1', 'gateway-2']);
  t.strictSame(await nextWords(['env', 'show', ''], env), ['preview', 'production']);
  t.strictSame(await nextWords(['rollback', ''], env), ['petstore']);
  t.strictSame(await nextWords(['deploy', 'pet'], env), ['petstore']);
  t.strictSame(await nextWords(['deploy', 'petstore@'], env), ['petstore@2', 'petstore@1']);
  t.strictSame(await nextWords(['server', 'list', '--control', control.url, '--token', tokens.admin, '-e', 'pre']), ['preview']);
  t.strictSame(await nextWords(['server', 'list', `--control=${control.url}`, `--token=${tokens.admin}`, '-e', 'pre']), ['preview']);
  t.strictSame(await nextWords(['env', 'show', ''], { ...env, SLUICE_ADMIN_TOKEN: 'another' }), [], 'a wrong token prints nothing');
  t.strictSame(await nextWords(['env', 'show', '', '--control', 'nonsense', ''], env), []);
  const stuck = createServer(() => undefined).listen(0, '127.0.0.1');
  t.teardown(() => stuck.closeAllConnections());
  t.teardown(() => stuck.close());
  await once(stuck, 'listening');
  const started = performance.now();
  t.strictSame(
    await nextWords(['env', 'show', ''], { ...env, SLUICE_CONTROL: `http://127.0.0.1:${(stuck.address() as AddressInfo).port}` }),
    [],
  );
  t.comment(`gave up on a balancer that does not answer after ${Math.round(performance.now() - started)} ms`);
});

const program = process.env['SLUICE_TEST_PROGRAM'] ?? fileURLToPath(new URL('../../dist/sluice.mjs', import.meta.url));

/** A folder with the given scripts, a file to complete, and the program as `sluice`. */
function shellFolder(owner: Owner, scripts: Record<string, string>): string {
  const folder = ownFolder(owner, { ...scripts, 'notes.txt': '' });
  writeFileSync(`${folder}/sluice`, `#!/bin/sh\nexec "${process.execPath}" "${program}" "$@"\n`);
  chmodSync(`${folder}/sluice`, 0o755);
  return folder;
}

const shells = ['bash', 'zsh', 'fish'] as const;
const missing = (shell: string) => {
  try {
    execFileSync(shell, ['--version'], { stdio: 'ignore' });
    return false;
  } catch {
    return `${shell} is not installed`;
  }
};

for (const shell of shells) {
  test(`${shell} completes commands, names and files`, { skip: missing(shell), timeout: 60_000 }, async (t) => {
    const { registry, control } = await controlUnderTest(t, {});
    await registry.putEnvironment('production', {});
    await registry.pushProject({ ...sampleProject('petstore') } as never);
    const folder = shellFolder(t, { script: (await run(['completion', shell])).out });
    const env = { ...operatorEnv(control), PATH: `${folder}:${process.env['PATH']}`, HOME: folder, TMPDIR: folder };
    await promisify(execFile)(shell, ['-n', `${folder}/script`]);
    if (shell === 'fish') {
      const ask = async (line: string) =>
        (await promisify(execFile)('fish', ['--no-config', '-c', `source ./script; complete -C '${line}'`], { cwd: folder, env })).stdout
          .trim()
          .split('\n');
      t.strictSame(await ask('sluice stat'), [
        'status\tshow environments and servers with versions, health and traffic, and what is wrong',
      ]);
      t.match(await ask('sluice deploy petstore -e '), [/^production\t/]);
      t.match(await ask('sluice deploy petstore@'), [/^petstore@1/]);
      t.match(await ask('sluice project push no'), [/^notes\.txt/]);
      return;
    }
    const started = { bash: 'bash --norc --noprofile -i', zsh: 'zsh -f -i' }[shell];
    const terminal = PseudoTerminal.start(t, `cd ${folder}; exec ${started}`, {
      columns: 200,
      env: { ...env, PS1: 'ready> ', PROMPT: 'ready> ' },
    });
    const setup = { bash: `source ./script`, zsh: `autoload -Uz compinit; compinit -u; source ./script` }[shell];
    await terminal.shows(/ready> ?$/);
    terminal.type(`PS1='go> '; ${setup}; clear\n`);
    await terminal.shows(/^go> ?$/m);
    const complete = async (typed: string, becomes: string) => {
      terminal.type(`${typed}\t`);
      await terminal.shows((screen) => screen.text.includes(becomes));
      // Ctrl-U clears the line. Ctrl-C would also discard what is typed after it.
      terminal.type('\u0015\n');
    };
    await complete('sluice stat', 'sluice status');
    await complete('sluice deploy petstore@', 'sluice deploy petstore@1');
    await complete('sluice deploy petstore --environment=prod', '--environment=production');
    await complete('sluice project push not', 'push notes.txt');
    t.pass('every line was completed');
    terminal.type('exit\n');
    await terminal.ended();
  });
}
