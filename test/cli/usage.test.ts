import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { fileURLToPath } from 'node:url';
import { test } from 'tap';
import { run } from './command-line.ts';

test('roles get their options, with defaults filled in', async (t) => {
  t.same((await run(['up'])).roles, [['up', { gateways: 2 }]]);
  t.same((await run(['up', '--gateways', '5', '--config', 'x.yaml'])).roles, [['up', { gateways: 5, config: 'x.yaml' }]]);
  t.same((await run(['serve', '--config', 'x.yaml'])).roles, [['serve', { config: 'x.yaml' }]]);
  t.same((await run(['gateway', '--join', 'redis://x'])).roles, [['gateway', { join: 'redis://x', listen: '127.0.0.1:0' }]]);
  const all = '--join http://x --environment e --listen 127.0.0.1:1 --advertise [::1]:2 --id g --weight 3 --data-dir d --token t'.split(
    ' ',
  );
  const trusting = ['gateway', '--join', 'redis://x', '--trusted-proxies', '10.0.0.0/8, ::1'];
  t.match((await run(trusting)).roles, [['gateway', { trustedProxies: ['10.0.0.0/8', '::1'] }]]);
  t.same((await run(['gateway', ...all])).roles, [
    [
      'gateway',
      { join: 'http://x', environment: 'e', listen: '127.0.0.1:1', advertise: '[::1]:2', id: 'g', weight: 3, dataDir: 'd', token: 't' },
    ],
  ]);
});

test('wrong usage ends with status 2 and a message; no role is started', async (t) => {
  const table: [argv: string[], words: RegExp][] = [
    [[], /Usage: sluice/],
    [['nonsense'], /unknown command 'nonsense'/],
    [['server'], /Usage: sluice server/],
    [['serve', 'extra'], /too many arguments/],
    [['serve', '--nonsense'], /unknown option '--nonsense'/],
    [['gateway'], /--join/],
    [['gateway', '--join', 'x', '--listen', 'nowhere'], /HOST:PORT/],
    [['gateway', '--join', 'x', '--weight', '-1'], /weight/],
    [['gateway', '--join', 'x', '--id', 'a b'], /letters, digits/],
    [['gateway', '--join', 'x', '--trusted-proxies', '10.0.0.0/8,nobody'], /IP address or CIDR/],
    [['up', '--gateways', 'many'], /whole number/],
    [['deploy', 'pets'], /--environment/],
    [['deploy', 'pets@x', '-e', 'production'], /NAME@REVISION/],
    [['deploy', 'pets@0', '-e', 'production'], /NAME@REVISION/],
    [['deploy', 'pets', '-e', 'production', '--timeout', 'soon'], /250ms, 2s or 5m/],
    [['server', 'weight', 'a', 'heavy'], /whole number from 0 to 65535/],
    [['server', 'add', 'a'], /--environment/],
    [['env', 'create'], /missing required argument/],
    [['project', 'validate'], /missing required argument/],
  ];
  for (const [argv, words] of table) {
    const { status, out, err, roles } = await run(argv);
    t.equal(status, 2, argv.join(' '));
    t.match(err, words);
    t.equal(out, '');
    t.same(roles, []);
    t.notMatch(err, /at .*\.ts/);
  }
});

test('every command has --help, the program has --version', async (t) => {
  t.same(await run(['--version']), { status: 0, out: '1.2.3', err: '', roles: [] });
  const commands = ['', 'up', 'serve', 'gateway', 'env', 'env list', 'env create', 'env show', 'env delete', 'server', 'server list'];
  commands.push('server add', 'server remove', 'server drain', 'server resume', 'server weight', 'project', 'project push', 'project list');
  commands.push(
    'project import',
    'top',
    'completion',
    'ready',
    'project show',
    'project validate',
    'deploy',
    'undeploy',
    'rollback',
    'status',
    'config',
    'config check',
  );
  for (const command of commands) {
    const { status, out, err } = await run([...command.split(' ').filter(Boolean), '--help']);
    t.equal(status, 0, command);
    t.ok(out.startsWith(`Usage: sluice${command === '' ? '' : ` ${command}`}`), String(out.split('\n')[0]));
    t.equal(err, '');
  }
});

test('an unreachable balancer, an unusable token and an unusable URL get messages of their own', async (t) => {
  const gone = createServer().listen(0, '127.0.0.1');
  await once(gone, 'listening');
  const { port } = gone.address() as AddressInfo;
  await new Promise((resolve) => gone.close(resolve));
  const away = await run(['status', '--control', `http://127.0.0.1:${port}`, '--token', 'x']);
  t.equal(away.status, 1);
  t.match(away.err, /^error: cannot reach the balancer at http:\/\/127\.0\.0\.1:\d+ \(ECONNREFUSED\).*sluice serve.*--control/);
  t.equal(away.err.split('\n').length, 1);
  const odd = await run(['status', '--token', 's3cret\ntoken']);
  t.match(odd, { status: 1, err: /the token in --token has characters/ });
  t.notMatch(odd.err, /s3cret/);
  for (const url of ['nowhere', 'ftp://x', 'http://', '127.0.0.1:9000'])
    t.match(await run(['status', '--control', url]), {
      status: 1,
      err: /is not the URL of a balancer: give --control as http:\/\/HOST:PORT/,
    });
  const secretive = ['http://me:s3cret@127.0.0.1:1', 'http://127.0.0.1:1/?token=s3cret', 'http://127.0.0.1:1/#s3cret'];
  for (const url of secretive) {
    const { status, err } = await run(['status'], { env: { SLUICE_CONTROL: url } });
    t.equal(status, 1);
    t.match(err, /^error: the URL in SLUICE_CONTROL has a .*: give SLUICE_CONTROL as http:/);
    t.notMatch(err, /s3cret/);
  }
});

test('a real process exits with the same status', async (t) => {
  const main = fileURLToPath(new URL('./command-process.ts', import.meta.url));
  const child = spawn(process.execPath, ['--import=tsx', main, 'server', 'weight', 'a', 'heavy'], { stdio: ['ignore', 'pipe', 'pipe'] });
  let err = '';
  child.stderr.on('data', (chunk) => {
    err += chunk;
  });
  const [code] = await once(child, 'close');
  t.equal(code, 2);
  t.match(err, /whole number from 0 to 65535/);
});
