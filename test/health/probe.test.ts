import { once } from 'node:events';
import { createServer as createHttp, type RequestListener } from 'node:http';
import { createServer as createHttps } from 'node:https';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import t, { type Test, test } from 'tap';
import { expects, type Probe, type ProbeResult, probe } from '../../src/health/probe.ts';
import { responseStatus } from '../../src/health/response-status.ts';
import { systemClock } from '../../src/model/clock.ts';
import { localHeader } from '../../src/model/proxy-protocol.ts';
import { CertificateFolder, textsOf } from '../tools/certificate-folder.ts';
import { FakeClock } from '../tools/fake-clock.ts';
import { listening } from '../tools/listening.ts';

/** Starts a TCP server that passes each connection to `connected`; returns its address. */
async function tcp(t: Test, connected: (socket: Socket) => void): Promise<string> {
  const server = createServer((socket) => {
    socket.on('error', () => {});
    connected(socket);
  });
  return listening(t, server);
}

async function http(t: Test, listener: RequestListener, host = '127.0.0.1'): Promise<string> {
  const server = createHttp(listener);
  server.listen(0, host);
  await once(server, 'listening');
  t.teardown(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

function check(address: string, more: Partial<Probe> = {}): Probe {
  return { address, path: '/.sluice/ready', timeout: 10_000, expect: '200-399', ...more };
}

function ask(given: Probe, clock = systemClock as Parameters<typeof probe>[1]): Promise<ProbeResult> {
  return new Promise((resolve) => probe(given, clock, resolve));
}

t.test('an expected status passes, over a connection that is not kept', async (t) => {
  const seen: unknown[] = [];
  const address = await http(t, (request, response) => {
    seen.push([request.method, request.url, request.headers.connection, request.headers.host]);
    response.end('ready');
  });
  t.strictSame(await ask(check(address)), { passed: true, status: 200 });
  t.strictSame(seen, [['GET', '/.sluice/ready', 'close', address]]);
});

t.test('an IPv6 address in brackets is checked', async (t) => {
  const address = await http(t, (_, response) => response.end(), '::1');
  t.match(await ask(check(address)), { passed: true });
});

t.test('another status fails, and the reason names it', async (t) => {
  const address = await http(t, (_, response) => response.writeHead(503).end());
  t.match(await ask(check(address)), { passed: false, failure: 'status', reason: 'answered with status 503, expected 200-399' });
});

t.test('an endless response is judged by its head, and its connection is closed', async (t) => {
  const closed = new Promise<void>((resolve) => {
    void http(t, (_, response) => {
      response.on('close', resolve);
      response.writeHead(200).write('x');
    }).then(async (address) => t.match(await ask(check(address)), { passed: true }));
  });
  await closed;
});

t.test('no process listens: refused', async (t) => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  t.match(await ask(check(`127.0.0.1:${port}`)), { passed: false, failure: 'refused' });
  t.match(await ask(check(`127.0.0.1:${port}`, { path: '' })), { passed: false, failure: 'refused' });
});

t.test('an address that no host can have: unreachable', async (t) => {
  t.match(await ask(check('255.255.255.255:80')), { passed: false, failure: 'unreachable' });
});

t.test('the server accepts and then sends nothing: hung, after the timeout and not before', async (t) => {
  const clock = new FakeClock();
  const heard = new Promise<string>((resolve) => {
    void tcp(t, (socket) => {
      socket.on('data', () => resolve('heard'));
    }).then((address) => {
      result = ask(check(address, { timeout: 1000 }), clock);
    });
  });
  let result: Promise<ProbeResult> | undefined;
  await heard;
  await clock.pass(999);
  t.equal(clock.pending, 1, 'still waiting');
  await clock.pass(1);
  t.match(await result, { passed: false, failure: 'hung', reason: 'timed out after 1000 ms: connected, but no response' });
});

t.test('the connection is not accepted in time: connect-timeout', async (t) => {
  const address = await tcp(t, () => {});
  // The timeout passes before this turn of the event loop ends: no connection can be established until then.
  const after = (_: number, task: () => void) => {
    queueMicrotask(task);
    return { cancel: () => {} };
  };
  const asked = ask(check(address), { ...systemClock, after });
  t.match(await asked, { passed: false, failure: 'connect-timeout', reason: 'timed out after 10000 ms: no connection' });
});

t.test('the server closes without a response: reset', async (t) => {
  t.match(await ask(check(await tcp(t, (socket) => socket.once('data', () => socket.resetAndDestroy())))), { failure: 'reset' });
  t.match(await ask(check(await tcp(t, (socket) => socket.end()))), { failure: 'reset' });
  t.match(await ask(check(await tcp(t, (socket) => socket.once('data', () => socket.end('HTTP/1.1 200 OK\r\n'))))), {
    failure: 'reset',
  });
});

t.test('the server sends something other than HTTP: bad-response', async (t) => {
  const address = await tcp(t, (socket) => socket.once('data', () => socket.end('SSH-2.0-OpenSSH_9.2\r\n')));
  t.match(await ask(check(address)), { failure: 'bad-response' });
});

t.test('a server that need not be Sluice is alive with any answer below 500 on the default path', async (t) => {
  for (const [status, passed] of [
    [200, true],
    [401, true],
    [404, true],
    [405, true],
    [500, false],
    [503, false],
  ] as const) {
    const address = await http(t, (_, response) => response.writeHead(status).end());
    t.match(await ask(check(address, { foreign: true })), { passed }, `${status}`);
    t.match(
      await ask(check(address, { foreign: true, path: '/other' })),
      { passed: status === 200 },
      `${status} on a path that was chosen`,
    );
    t.match(await ask(check(address)), { passed: status === 200 }, `${status} of a joined server`);
  }
  const sluice = await http(t, (_, response) => response.writeHead(404, { 'sluice-server': 'a' }).end());
  t.match(await ask(check(sluice, { foreign: true })), { passed: false, failure: 'status' }, 'a Sluice server knows the path');
  const silent = await tcp(t, (socket) => socket.once('data', () => socket.end('SSH-2.0\r\n')));
  t.match(await ask(check(silent, { foreign: true })), { passed: false, failure: 'bad-response' });
});

t.test('the identity is compared on the default path, and in a request of its own before any other check', async (t) => {
  const seen: (string | undefined)[] = [];
  const fields = { 'sluice-server': 'a; instance=a-1; environment=production' };
  const address = await http(t, (request, response) => {
    seen.push(request.url);
    response.writeHead(200, request.url === '/.sluice/ready' ? fields : {}).end();
  });
  const identity = { id: 'a', instance: 'a-1', environment: 'production' };
  const refuse = (stated: unknown) => (JSON.stringify(stated) === JSON.stringify(identity) ? undefined : 'another');
  for (const more of [{}, { path: '/health' }, { path: '' }])
    t.same(await ask(check(address, { refuse, ...more })), { passed: true, status: 200, identity });
  t.strictSame(seen, ['/.sluice/ready', '/.sluice/ready', '/health', '/.sluice/ready']);
  const other = await http(t, (_, response) => response.end('plain'));
  for (const more of [{}, { path: '/health' }, { path: '' }])
    t.match(await ask(check(other, { refuse, ...more })), { passed: false, failure: 'other-server', reason: 'another' });
});

t.test('host, port and TLS of a check', async (t) => {
  const seen: (string | undefined)[] = [];
  const address = await http(t, (request, response) => {
    seen.push(request.headers.host);
    response.end();
  });
  const port = Number(address.split(':')[1]);
  t.match(await ask(check('127.0.0.1:1', { port, host: 'api.example.com' })), { passed: true });
  t.strictSame(seen, ['api.example.com']);
  const names: unknown[] = [];
  const secure = createHttps(textsOf(new CertificateFolder(t).issue({ names: ['localhost'], by: 'itself' })), (request, response) => {
    names.push((request.socket as TLSSocket & { servername?: unknown }).servername);
    response.end(request.headers.host);
  });
  const there = await listening(t, secure);
  t.match(await ask(check(there, { tls: true, host: 'api.example.com', path: '/health' })), { passed: true, status: 200 });
  t.match(await ask(check(there, { tls: true, path: '' })), { passed: true });
  t.match(await ask(check(there)), { passed: false }, 'without TLS');
  t.match(await ask(check(address, { tls: true })), { passed: false }, 'TLS where there is none');
  t.strictSame(names, ['api.example.com']);
});

t.test('without a path a connection is enough', async (t) => {
  const address = await tcp(t, () => {});
  t.strictSame(await ask(check(address, { path: '' })), { passed: true });
});

t.test('a check that cannot be started has failed', async (t) => {
  t.match(await ask(check('nonsense')), { passed: false, failure: 'unreachable' });
  t.match(await ask(check('127.0.0.1:1', { path: '/a b' })), { passed: false, failure: 'unreachable' });
});

t.test('a cancelled check reports nothing', async (t) => {
  const clock = new FakeClock();
  const address = await tcp(t, () => {});
  const cancel = probe(check(address), clock, () => t.fail('reported'));
  cancel();
  t.equal(clock.pending, 0);
  await clock.pass(60_000);
});

t.test('expected statuses: single ones, ranges, lists', async (t) => {
  t.ok(expects('200', 200));
  t.notOk(expects('200', 201));
  t.ok(expects('200-399', 399));
  t.notOk(expects('200-399', 400));
  t.ok(expects('200,204,301-302', 302));
  t.notOk(expects('200,204,301-302', 300));
});

for (const version of ['v1', 'v2'] as const)
  t.test(`${version}: a check begins with the header of a connection of the balancer itself`, async (t) => {
    const preface = localHeader(version);
    const server = createServer();
    const address = await listening(t, server);
    const result = new Promise<ProbeResult>((resolve) => {
      probe({ address, path: '/', timeout: 5000, expect: '200', preface }, systemClock, resolve);
    });
    const [socket] = await once(server, 'connection');
    let seen = Buffer.alloc(0);
    for await (const piece of socket) {
      seen = Buffer.concat([seen, piece]);
      if (seen.includes('\r\n\r\n', preface.length)) break;
    }
    t.strictSame(seen.subarray(0, preface.length), preface);
    t.ok(seen.subarray(preface.length).toString().startsWith('GET / HTTP/1.1\r\n'));
    t.notOk((await result).passed);
  });

const table: readonly (readonly [string, ReturnType<typeof responseStatus>])[] = [
  ['HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n', 200],
  ['HTTP/1.0 204 No Content\r\n\r\nand more', 204],
  ['HTTP/1.1 503\r\n\r\n', 503],
  ['HTTP/1.1 200 OK\nserver: old\n\n', 200],
  ['HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\nHTTP/1.1 404 Not Found\r\n\r\n', 404],
  ['HTTP/1.1 100 Continue\r\n\r\n', undefined],
  ['HTTP/1.1 100 Continue\r\n\r\nSSH-2.0', 'malformed'],
  ['', undefined],
  ['HT', undefined],
  ['HTTP/1.1 200 OK\r\n', undefined],
  ['HTTP/1.1 101 Switching Protocols\r\n\r\n', 'malformed'],
  ['HTTP/2 200\r\n\r\n', 'malformed'],
  ['HTTP/1.1 2000 OK\r\n\r\n', 'malformed'],
  ['HTTP/1.1 099 No\r\n\r\n', 'malformed'],
  ['HTTP/1.1  200 OK\r\n\r\n', 'malformed'],
  ['SSH-2.0-OpenSSH_9.2\r\n', 'malformed'],
  [`HTTP/1.1 200 OK\r\nx: ${'x'.repeat(20_000)}`, 'malformed'],
];

for (const [text, expected] of table) {
  test(`${JSON.stringify(text.slice(0, 60))} → ${expected}`, async (t) => t.equal(responseStatus(text), expected));
}

test('the status is known exactly when the final head is complete', async (t) => {
  const text = 'HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 200 OK\r\na: b\r\n\r\n';
  for (let length = 0; length < text.length; length++) t.equal(responseStatus(text.slice(0, length)), undefined);
  t.equal(responseStatus(text), 200);
});
