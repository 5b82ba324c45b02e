import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { Agent, createServer, request } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import t from 'tap';
import { WorkerDataPlane } from '../../../src/balancer/workers/worker-data-plane.ts';
import { systemClock } from '../../../src/model/clock.ts';
import { bindSocket } from '../../../src/proxy/bound-socket.ts';
import type { Handler, ListenerSettings } from '../../../src/proxy/contract.ts';
import { HttpListener } from '../../../src/proxy/http-listener.ts';
import { keptLogger } from '../../tools/fake-logger.ts';

const settings: ListenerSettings = {
  headerBytes: 8192,
  bodyRate: 0,
  timeouts: { requestHead: 1000, requestBody: 0, clientIdle: 1000 },
  trustedProxies: [],
};
const answering: Handler = { request: (exchange) => exchange.respond(200, {}, 'here'), fault() {} };

t.test('a process that gets the handle of a bound socket can listen on it', async (t) => {
  const socket = await bindSocket('127.0.0.1:0');
  const listener = new HttpListener('127.0.0.1:0', settings, answering, undefined);
  await listener.open(socket.handle);
  t.equal(listener.address, socket.address);
  t.equal(await (await fetch(`http://${socket.address}/`)).text(), 'here');
  await listener.close(0);
});

t.test('an address that cannot be bound is refused with the system code', async (t) => {
  const squatter = createServer().listen(0, '127.0.0.1');
  await once(squatter, 'listening');
  t.teardown(() => squatter.close());
  await t.rejects(bindSocket(`127.0.0.1:${(squatter.address() as AddressInfo).port}`), { code: 'EADDRINUSE' });
  await t.rejects(bindSocket('203.0.113.7:0'), { code: 'EADDRNOTAVAIL' });
});

t.test('shedding closes the given number of connections with their next response', async (t) => {
  const listener = new HttpListener('127.0.0.1:0', settings, answering, undefined);
  await listener.open((await bindSocket('127.0.0.1:0')).handle);
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  t.teardown(async () => {
    agent.destroy();
    await listener.close(0);
  });
  const get = () =>
    new Promise<string | undefined>((resolve, reject) => {
      request(`http://${listener.address}/`, { agent }, (response) => {
        response.resume().once('end', () => resolve(response.headers.connection));
      })
        .once('error', reject)
        .end();
    });
  t.not(await get(), 'close');
  listener.shed(2);
  t.equal(await get(), 'close');
  t.equal(await get(), 'close', 'a new connection');
  t.not(await get(), 'close');
});

t.test('opening a listener fails when no worker can start', async (t) => {
  const { logger, lines } = keptLogger();
  const children: ChildProcess[] = [];
  const spawn = () => {
    const child = fork('/dev/null/no-such-program', { silent: true });
    children.push(child);
    return child;
  };
  const dataPlane = new WorkerDataPlane({
    clock: systemClock,
    random: Math.random,
    logger,
    spawn,
    suspect: () => {},
    report: () => {},
    settings: { workers: 2, accessLog: false, graceMs: 100 },
  });
  t.teardown(() => dataPlane.close());
  const refused = dataPlane.open('127.0.0.1:0', settings);
  await t.rejects(refused, { message: /no worker process could start/ });
  t.notOk(dataPlane.serving);
  t.ok(lines.some(({ msg, reason }) => /is replaced/.test(msg) && reason === 'exit status 1'));
});

t.test('the port is free once the last listener is closed', async (t) => {
  const socket = await bindSocket('127.0.0.1:0');
  const listener = new HttpListener('127.0.0.1:0', settings, answering, undefined);
  await listener.open(socket.handle);
  socket.close();
  await listener.close(0);
  const [host, port] = socket.address.split(':');
  const [error] = await once(connect(Number(port), host), 'error');
  t.equal((error as NodeJS.ErrnoException).code, 'ECONNREFUSED');
});
