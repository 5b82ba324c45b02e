import { once } from 'node:events';
import { connect } from 'node:net';
import { pino } from 'pino';
import { type Test, test } from 'tap';
import { startControl } from '../../src/control/control.ts';
import { SluiceError } from '../../src/model/fault.ts';
import type { Registry } from '../../src/registry/contract.ts';
import { silentLogger } from '../tools/fake-logger.ts';
import { controlUnderTest, emptyView, tokens } from './control-under-test.ts';

async function rawAnswer(t: Test, url: string, bytes: string | Buffer): Promise<string> {
  const socket = connect(Number(new URL(url).port), '127.0.0.1');
  t.teardown(() => socket.destroy());
  socket.on('error', () => {});
  const chunks: Buffer[] = [];
  socket.on('data', (chunk) => chunks.push(chunk));
  socket.end(bytes);
  await once(socket, 'close');
  return Buffer.concat(chunks).toString('latin1');
}

test('an unknown path is answered with 404, an unknown method with 405', async (t) => {
  const { ask } = await controlUnderTest(t);
  const wrong = await ask('DELETE', '/v1/projects');
  t.same([wrong.status, wrong.body.code], [405, 'method-not-allowed']);
  t.match(wrong.headers.get('allow') ?? '', /GET.*POST|POST.*GET/);
  t.equal((await ask('OPTIONS', '/v1/servers/x')).status, 405);
  t.equal((await ask('HEAD', '/v1/servers')).status, 200);
  for (const path of ['/v1/nothing', '/dashboard', '/v2/servers', '/v1/servers/a/b', '/v1//servers']) {
    const answer = await ask('GET', path);
    t.same([answer.status, answer.body.code, answer.body.type], [404, 'not-found', 'about:blank'], path);
  }
  t.equal((await ask('GET', '/v1/servers/%zz')).status, 400);
  t.match((await ask('GET', '/v1/servers/%zz')).headers.get('content-type') ?? '', /problem/);
  t.equal((await ask('GET', '/v1/servers?environmnet=x')).status, 422, 'a misspelt query is refused');
});

test('malformed requests are answered or cut off, and do no harm', async (t) => {
  const { control, ask } = await controlUnderTest(t);
  const auth = `authorization: Bearer ${tokens.admin}\r\n`;
  const inputs: [name: string, bytes: string | Buffer, answer: RegExp][] = [
    ['noise', Buffer.from(Array.from({ length: 4096 }, (_, index) => (index * 131) % 256)), /^HTTP\/1\.1 400 /],
    ['nothing', '', /^$/],
    ['TLS', Buffer.from('16030100a5010000a10303', 'hex'), /^HTTP\/1\.1 400 /],
    ['a huge head', `GET / HTTP/1.1\r\nhost: x\r\nx: ${'y'.repeat(100_000)}\r\n\r\n`, /^HTTP\/1\.1 431 /],
    ['two lengths', `POST /v1/projects HTTP/1.1\r\nhost: x\r\n${auth}content-length: 1\r\ncontent-length: 2\r\n\r\n{}`, /^HTTP\/1\.1 400 /],
    [
      'length and chunks',
      `POST /v1/projects HTTP/1.1\r\nhost: x\r\n${auth}content-length: 1\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n`,
      /^HTTP\/1\.1 400 /,
    ],
    ['no host', 'GET /healthz HTTP/1.1\r\n\r\n', /^HTTP\/1\.1 400 /],
    [
      'a broken WebSocket',
      `GET /v1/events HTTP/1.1\r\nhost: x\r\n${auth}connection: upgrade\r\nupgrade: websocket\r\n\r\n`,
      /^HTTP\/1\.1 400 /,
    ],
    [
      'a bad chunk',
      `POST /v1/projects HTTP/1.1\r\nhost: x\r\n${auth}content-type: text/yaml\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n`,
      /^HTTP\/1\.1 400 /,
    ],
  ];
  for (const [name, bytes, expected] of inputs) {
    const answer = await rawAnswer(t, control.url, bytes);
    t.match(answer, expected, name);
    t.notMatch(answer, /at .*\.ts|node:internal/, 'no stack trace');
  }
  t.equal((await ask('GET', '/healthz')).status, 200);
});

test('an internal error is logged, and answered without its details', async (t) => {
  const log: string[] = [];
  const broken = {
    servers: () => Promise.reject(new Error('the s3cret path /var/lib')),
    link: { up: false, since: 0 },
    watch: () => ({ ready: Promise.resolve(), close: () => undefined }),
  } as unknown as Registry;
  const unreachable = () => Promise.reject(new SluiceError('unavailable', 'the registry cannot be reached'));
  const away = { environments: unreachable, appliedSettings: unreachable, unread: [] };
  const control = await startControl({
    listen: '127.0.0.1:0',
    registry: { ...broken, ...away } as Registry,
    live: emptyView,
    authorize: () => 'admin',
    join: { upgrade: (_request, socket) => void socket.destroy(), close: async () => undefined },
    logger: pino({ level: 'info' }, { write: (line: string) => void log.push(line) }),
    version: 'test',
  });
  t.teardown(() => control.close());
  const inside = await fetch(`${control.url}/v1/servers`);
  const text = await inside.text();
  t.equal(inside.status, 500);
  t.notMatch(text, /s3cret|\.ts|stack/);
  t.equal(JSON.parse(text).code, 'internal');
  t.match(log.join(''), /s3cret path/);
  const absent = await fetch(`${control.url}/v1/environments`);
  t.same([absent.status, ((await absent.json()) as { code: string }).code], [503, 'unavailable']);
  const metrics = await fetch(`${control.url}/metrics`);
  t.match(await metrics.text(), /sluice_registry_up 0/, 'metrics are served without the registry');
});

test('an address in use is refused, naming it', async (t) => {
  const { control, registry } = await controlUnderTest(t);
  const again = startControl({
    listen: control.address,
    registry,
    live: emptyView,
    authorize: () => undefined,
    join: { upgrade: () => undefined, close: async () => undefined },
    logger: silentLogger,
    version: 'test',
  });
  await t.rejects(again, { code: 'unavailable', message: new RegExp(`${control.address} \\(EADDRINUSE\\)`) });
});

test('closing finishes the answers in flight', async (t) => {
  const { control, ask, registry } = await controlUnderTest(t);
  const socket = connect(Number(new URL(control.url).port), '127.0.0.1');
  const idle = connect(Number(new URL(control.url).port), '127.0.0.1');
  await Promise.all([once(socket, 'connect'), once(idle, 'connect')]);
  const body = 'listen: 127.0.0.1:8080\n';
  socket.write(
    `PUT /v1/environments/late HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${tokens.admin}\r\ncontent-type: text/yaml\r\nexpect: 100-continue\r\ncontent-length: ${body.length}\r\n\r\n`,
  );
  const [go] = await once(socket, 'data');
  t.match(String(go), /^HTTP\/1\.1 100 /);
  const answered = once(socket, 'data');
  const closed = control.close();
  socket.write(body);
  t.match(String((await answered)[0]), /^HTTP\/1\.1 201 /);
  await closed;
  t.ok(await registry.environment('late'));
  await t.rejects(ask('GET', '/healthz'), 'new connections are refused');
  idle.destroy();
});
