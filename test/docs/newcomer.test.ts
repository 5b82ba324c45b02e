import { execFile } from 'node:child_process';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t, { type Test, test } from 'tap';
import { listening } from '../tools/listening.ts';
import { ownFolder } from '../tools/own-folder.ts';
import { SluiceProcess } from '../tools/sluice-process.ts';
import { onFreePorts } from '../tools/sluice-under-test.ts';

// Side by side: each test has processes of its own, and waits most of the time.
t.jobs = 3;

const program = fileURLToPath(new URL('../../dist/sluice.mjs', import.meta.url));

/** Runs a command that must fail. Resolves with its exit status and the lines on standard error. */
async function fail(folder: string, words: readonly string[], env: Readonly<Record<string, string>> = {}) {
  return new Promise<{ status: unknown; said: string[] }>((resolve) => {
    const options = { cwd: folder, env: { PATH: process.env['PATH'], SLUICE_LOG_LEVEL: 'silent', ...env } };
    execFile(process.execPath, [program, ...words], options, (error, _out, err) => {
      resolve({ status: error?.code ?? 0, said: err.trimEnd().split('\n') });
    });
  });
}

/** Starts a server that answers 404 to everything and resolves with its address. */
function takenAddress(t: Test): Promise<string> {
  return listening(
    t,
    createServer((_request, response) => response.writeHead(404).end()),
  );
}

test('an address in use is reported with the remedy, for every listener', async (t) => {
  const folder = ownFolder(t);
  const taken = await takenAddress(t);
  const [traffic, control, gateway] = await Promise.all([
    fail(folder, ['serve'], { ...onFreePorts, SLUICE_DATA_DIR: 'one', SLUICE_ENVIRONMENTS_PRODUCTION_LISTEN: taken }),
    fail(folder, ['serve'], { ...onFreePorts, SLUICE_DATA_DIR: 'two', SLUICE_CONTROL_LISTEN: taken }),
    fail(folder, ['gateway', '--join', `http://${taken}`, '--listen', taken, '--id', 'late']),
  ]);
  const remedy = 'another program listens there: stop it or choose another address';
  t.strictSame(traffic, { status: 1, said: [`error: cannot listen on ${taken} for environment production: ${remedy}`] });
  t.match(control, { status: 1, said: [new RegExp(`^error: cannot listen on ${taken} .*control.listen`)] });
  t.strictSame(gateway, { status: 1, said: [`error: cannot listen on ${taken} for gateway server late: ${remedy}`] });
});

test('a second start in the same folder names the process that holds it', async (t) => {
  const folder = ownFolder(t);
  const first = SluiceProcess.start(t, ['serve'], { folder, env: onFreePorts });
  await first.logged((line) => line.msg === 'control');
  const second = await fail(folder, ['up'], onFreePorts);
  t.strictSame(second, {
    status: 1,
    said: [`error: ./data is in use by process ${first.pid}: stop that process first, or use another folder`],
  });
  t.ok(first.running);
});

test('the message for an address that is no balancer differs from that for a balancer that is away', async (t) => {
  const folder = ownFolder(t);
  const taken = await takenAddress(t);
  const lost = SluiceProcess.start(t, ['gateway', '--join', `http://${taken}`, '--token', 'some-join-token'], { folder });
  const { reason } = await lost.logged((line) => /cannot be reached/.test(line.msg ?? ''));
  t.match(reason, `${taken} answers with status 404, which is not that of a registration endpoint: give the control address of a balancer`);
  t.match(await fail(folder, ['gateway', '--join', 'embedded:./data']), {
    status: 1,
    said: [/^error: --join embedded: .*http:\/\/HOST:PORT/],
  });
  t.match(await fail(folder, ['gateway', '--join', 'localhost']), {
    status: 1,
    said: [/^error: the registry URL has no scheme: write .*http\(s\):\/\/HOST:PORT/],
  });
});

test('all faults of a configuration are reported before anything starts', async (t) => {
  const folder = ownFolder(t, { 'bad.yaml': 'environments:\n  production:\n    lisen: 127.0.0.1:1\n    balance: robin\n' });
  for (const role of ['serve', 'up']) {
    const { status, said } = await fail(folder, [role, '--config', 'bad.yaml']);
    t.equal(status, 1);
    t.strictSame(said, [
      'bad.yaml:3: environments.production.lisen: is unknown: did you mean "listen"?',
      'bad.yaml:4: environments.production.balance: must be one of "round-robin", "least-connections", "random-two", "ewma", "hash"',
      'error: bad.yaml was refused: 2 faults',
    ]);
  }
  t.strictSame(await fail(folder, ['serve', '--config', 'none.yaml']), {
    status: 1,
    said: ['error: cannot read none.yaml: there is no such file'],
  });
});

test('a project file of 5 MB is refused before it is sent', async (t) => {
  const folder = ownFolder(t, { big: Buffer.alloc(5_000_000, 'x') });
  const pushed = await fail(folder, ['project', 'push', 'big'], { SLUICE_ADMIN_TOKEN: 'some-admin-token' });
  t.strictSame(pushed, { status: 1, said: ['error: big has 5000000 bytes; at most 1048576 are read'] });
  t.match(await fail(folder, ['project', 'validate', join(folder, 'big')]), { status: 1, said: [/has 5000000 bytes/] });
});

test('the error for a setting from the command line names no file and line', async (t) => {
  const folder = ownFolder(t);
  const balancer = SluiceProcess.start(t, ['serve'], { folder, env: onFreePorts });
  const { control } = await balancer.logged((line) => line.msg === 'control');
  const refused = await fail(folder, ['env', 'create', 'other', '--balance', 'robin'], { SLUICE_CONTROL: String(control) });
  t.match(refused, { status: 1, said: [/^error: balance must be one of "round-robin", /] });
});
