import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, constants, openSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { Agent, createServer, type IncomingMessage, request } from 'node:http';
import { connect, Socket } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import t, { test } from 'tap';
import { Condition } from '../tools/condition.ts';
import { eventually } from '../tools/eventually.ts';
import { listening } from '../tools/listening.ts';
import { ownFolder } from '../tools/own-folder.ts';
import type { Owner } from '../tools/owner.ts';
import { builtProgram } from '../tools/sluice-process.ts';
import { type BalancerUnderTest, startBalancer } from '../tools/sluice-under-test.ts';

// Side by side: each test has processes of its own, and waits most of the time.
t.jobs = 3;

/** Longer than the part of a target that a log line shows. */
const longTarget = `/${'a'.repeat(2_000)}`;

/** An environment with one server and no health checks. */
async function environments(t: Owner): Promise<Record<string, Record<string, unknown>>> {
  const server = createServer(({ url }, response) => {
    if (url === '/breaks') response.writeHead(200, { 'content-length': '1000' }).write('only a part');
    else response.end('hello');
  });
  server.on('checkContinue', (_request, response) => response.writeContinue());
  server.on('upgrade', (_request, socket) => {
    // The client's reset comes through the tunnel.
    socket.on('error', () => undefined);
    socket.end('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: test\r\n\r\ntunnel');
  });
  const address = await listening(t, server);
  return { production: { listen: '127.0.0.1:0', health: 'off', servers: [{ id: 's', address }] } };
}

/** Sends `count` requests, 16 at a time, and resolves with the number of answers 200. */
async function send(address: string, count: number, path = '/x'): Promise<number> {
  const agent = new Agent({ keepAlive: true, maxSockets: 16 });
  let right = 0;
  let left = count;
  const one = async () => {
    while (left-- > 0) {
      const sent = request(`http://${address}${path}`, { agent, headers: { 'user-agent': 'test' } });
      sent.end();
      const [response] = (await once(sent, 'response')) as [IncomingMessage];
      response.resume();
      await once(response, 'end');
      if (response.statusCode === 200) right++;
    }
  };
  await Promise.all(Array.from({ length: 16 }, one));
  agent.destroy();
  return right;
}

async function dropped({ control }: BalancerUnderTest): Promise<number> {
  const text = await (await fetch(`${control}/metrics`)).text();
  return Number(/^sluice_access_log_dropped_total (\d+)$/m.exec(text)?.[1]);
}

function linesIn(text: string): Record<string, unknown>[] {
  if (text === '') return [];
  return text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>);
}

/** A named pipe. */
function fifo(t: Owner): string {
  const path = join(ownFolder(t), 'log');
  execFileSync('mkfifo', [path]);
  return path;
}

const complaints = (balancer: BalancerUnderTest) =>
  balancer.process.log.filter((line) => /access log cannot be written/.test(line.msg ?? ''));

test('without a reader, a pipe stalls no request: beyond 8 MiB of buffered lines, lines are dropped and counted; a reader gets the rest', async (t) => {
  const path = fifo(t);
  const balancer = await startBalancer(t, { accessLog: { path } }, await environments(t));
  const count = 6_000;
  t.equal(await send(balancer.address, count, longTarget), count);
  const lost = await dropped(balancer);
  t.ok(lost > 0 && lost < count, `${lost} lines were dropped`);
  t.equal(complaints(balancer).length, 1, 'logged once');

  const lines: string[] = [];
  const reader = new Socket({ fd: openSync(path, constants.O_RDONLY | constants.O_NONBLOCK) });
  t.teardown(() => reader.destroy());
  createInterface({ input: reader }).on('line', (line) => lines.push(line));
  await balancer.process.logged((line) => /access log is written again/.test(line.msg ?? ''));
  t.equal(await send(balancer.address, 10, '/last'), 10);
  await eventually(
    () => Promise.resolve(lines.length),
    (length) => length >= count - lost + 10,
  );
  t.equal(lines.length, count - lost + 10);
  t.ok(
    lines.every((line) => JSON.parse(line).status === 200),
    'no line is torn',
  );
  balancer.process.signal('SIGTERM');
  t.equal(await balancer.process.ended(), 0);
});

test('a full disk stalls no request and is logged once, with its reason', async (t) => {
  const balancer = await startBalancer(t, { accessLog: { path: '/dev/full', format: 'combined' } }, await environments(t));
  t.equal(await send(balancer.address, 500), 500);
  await balancer.process.logged((line) => /access log cannot be written/.test(line.msg ?? '') && /ENOSPC/.test(String(line['reason'])));
  t.equal(await send(balancer.address, 500), 500);
  t.equal(complaints(balancer).length, 1);
  balancer.process.signal('SIGTERM');
  t.equal(await balancer.process.ended(), 0);
});

for (const workers of [0, 2]) {
  test(`after a rename and SIGHUP, the log goes on in a new file of the old name; no line is lost or torn (workers: ${workers})`, async (t) => {
    const balancer = await startBalancer(t, { workers, accessLog: { path: 'access.log' } }, await environments(t));
    const file = join(balancer.folder, 'access.log');
    const idsIn = (name: string) => linesIn(readFileSync(name, 'utf8')).map(({ id }) => id);
    t.equal(await send(balancer.address, 1_000), 1_000);
    renameSync(file, `${file}.1`);
    // The file is opened again even if the changed configuration is refused.
    writeFileSync(join(balancer.folder, 'sluice.json'), '{ "accessLog": "everything" }');
    const sending = send(balancer.address, 3_000);
    balancer.process.signal('SIGHUP');
    await balancer.process.logged((line) => /was not carried out: accessLog/.test(line.msg ?? ''));
    t.equal(await sending, 3_000);
    await eventually(
      () => send(balancer.address, 16).then(() => idsIn(file).length),
      (length) => length > 0,
    );
    balancer.process.signal('SIGTERM');
    t.equal(await balancer.process.ended(), 0);
    const ids = [...idsIn(`${file}.1`), ...idsIn(file)];
    t.equal(new Set(ids).size, ids.length, 'each request once');
    t.ok(ids.length >= 4_016 && ids.length % 16 === 0, `${ids.length} lines, one a request`);
  });
}

test('each exchange is logged as one line, however it ends', async (t) => {
  const empty = { hosts: ['empty.example'], listen: '127.0.0.1:0', health: 'off' };
  const balancer = await startBalancer(t, { accessLog: 'json' }, { ...(await environments(t)), empty });
  const [host = '', port = ''] = balancer.address.split(':');
  const talk = async (text: string, answer: RegExp) => {
    const socket = connect(Number(port), host);
    const received = new Condition();
    let heard = '';
    socket.setEncoding('latin1').on('data', (piece: string) => {
      heard += piece;
      received.notify();
    });
    socket.write(text, 'latin1');
    await received.until(() => answer.test(heard), { what: `${answer} after ${JSON.stringify(text)}`, seen: () => heard });
    // Not a FIN, which is a half-close: the client would still read.
    socket.resetAndDestroy();
  };
  const fields = 'User-Agent: \xe9\t"}\r\nReferer: r\r\n\r\n';
  await talk(`GET /%0a HTTP/1.0\r\nHost: a\r\n${fields}`, /hello/);
  await talk('POST /.sluice/x HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n', / 404 /);
  await talk('GET /none HTTP/1.1\r\nHost: empty.example\r\n\r\n', / 503 /);
  await talk('GET /breaks HTTP/1.1\r\nHost: a\r\n\r\n', /only a part/);
  await talk('GET /socket HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: test\r\n\r\n', /tunnel/);
  await talk('GET /hangs HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n', / 100 /);
  await balancer.process.printed((text) => (text.split('\n').length > 6 ? text : undefined));
  balancer.process.signal('SIGTERM');
  t.equal(await balancer.process.ended(), 0);
  const lines = linesIn(balancer.process.stdout);
  const order = ({ id }: Record<string, unknown>) => Number(String(id).split('-')[1]);
  lines.sort((one, other) => order(one) - order(other));
  t.match(lines, [
    { target: '/%0a', status: 200, octets: 5, server: 's', userAgent: '\xe9\t"}', referer: 'r', aborted: false },
    { method: 'POST', target: '/.sluice/x', status: 404, octets: /^[1-9]/, aborted: false },
    { target: '/none', authority: 'empty.example', status: 503, aborted: false },
    { target: '/breaks', status: 200, octets: 11, aborted: true },
    { target: '/socket', status: 101, aborted: false },
    { target: '/hangs', status: 0, octets: 0, aborted: true },
  ]);
  t.equal(lines.length, 6);
  t.ok(lines.every(({ durationMs }) => Number(durationMs) > 0 && Number(durationMs) < 60_000));
});

for (const [place, shared] of [
  ['a socket', false],
  ['a pipe shared with the log', true],
] as const) {
  test(`standard output without a reader (${place}) holds up neither clients nor the end`, async (t) => {
    const folder = ownFolder(t);
    const config = { control: { listen: '127.0.0.1:0' }, accessLog: 'combined', environments: await environments(t) };
    writeFileSync(join(folder, 'sluice.json'), JSON.stringify(config));
    const path = fifo(t);
    const writer = openSync(path, constants.O_RDWR);
    const output = shared ? writer : ('pipe' as const);
    const child = spawn(process.execPath, [builtProgram, 'serve', '--config', 'sluice.json'], {
      cwd: folder,
      stdio: ['ignore', output, output],
      env: { PATH: process.env['PATH'], SLUICE_LOG_LEVEL: 'info' },
    });
    const ended = once(child, 'close');
    t.teardown(() => child.kill('SIGKILL'));
    const log = shared ? new Socket({ fd: openSync(path, constants.O_RDONLY | constants.O_NONBLOCK) }) : child.stderr;
    t.teardown(() => log?.destroy());
    closeSync(writer);
    const logged = new Condition();
    const lines: string[] = [];
    createInterface({ input: log as NodeJS.ReadableStream }).on('line', (line) => {
      lines.push(line);
      logged.notify();
    });
    // Lines of the access log, which are not JSON, may come in between.
    const address = await logged.until(() => lines.map((line) => /"listen":"(.*)","msg":"serving"/.exec(line)?.[1]).find(Boolean), {
      what: 'a line "serving"',
      seen: () => lines,
    });
    if (shared) log?.pause();
    const count = 6_000;
    t.equal(await send(address, count, longTarget), count);
    child.kill('SIGTERM');
    if (shared) log?.resume();
    else child.stdout?.destroy();
    await ended;
  });
}
