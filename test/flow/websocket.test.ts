import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'tap';
import { WebSocket, WebSocketServer } from 'ws';
import type { Owner } from './processes.ts';
import { deployEcho, eventually, serving, startBalancer, startGateway } from './system.ts';

/** A target that says over WebSocket what it is told, and at which path. */
async function startTalker(t: Owner): Promise<string> {
  const server = createServer((_request, response) => response.end('plain'));
  const sockets = new WebSocketServer({ server });
  sockets.on('connection', (socket, request) => socket.on('message', (data) => socket.send(`${request.url} ${data}`)));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => {
    for (const socket of sockets.clients) socket.terminate();
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** Opens a WebSocket through a balancer. */
async function talk(t: Owner, address: string): Promise<{ socket: WebSocket; say(text: string): Promise<string> }> {
  const socket = new WebSocket(`ws://${address}/echo/talk`);
  socket.on('error', () => {});
  t.teardown(() => socket.terminate());
  await once(socket, 'open');
  const say = async (text: string) => {
    const heard = once(socket, 'message');
    socket.send(text);
    return String((await heard)[0]);
  };
  return { socket, say };
}

test('WebSockets pass balancer and gateway, survive a deploy, and end with the grace time', async (t) => {
  const target = await startTalker(t);
  const balancer = await startBalancer(t, { shutdown: { grace: '500ms' } });
  await deployEcho(balancer, target);
  const gateway = await startGateway(t, 'a', balancer.control, ['--environment', 'production'], { grace: '500ms' });
  await serving(balancer, ['a']);

  const first = await talk(t, balancer.address);
  t.equal(await first.say('hello'), '/talk hello');

  await deployEcho(balancer, target, '2');
  await eventually(
    () => fetch(`http://${balancer.address}/echo/`),
    (response) => response.headers.get('x-revision') === '2',
  );
  t.equal(await first.say('still here'), '/talk still here', 'a deploy leaves it alone');

  await balancer.api('PATCH', '/v1/servers/a', { draining: true });
  t.equal(await first.say('drained'), '/talk drained', 'and so does a drain');
  await balancer.api('PATCH', '/v1/servers/a', { draining: false });
  await serving(balancer, ['a']);
  const second = await talk(t, balancer.address);
  t.equal(await second.say('again'), '/talk again');
  second.socket.close();
  await once(second.socket, 'close');

  const ended = once(first.socket, 'close');
  let begun = performance.now();
  gateway.signal('SIGTERM');
  await gateway.logged((line) => line['cause'] === 'SIGTERM');
  t.equal(await first.say('while it leaves'), '/talk while it leaves', 'it goes on for as long as the grace lasts');
  await ended;
  t.comment(`ended ${Math.round(performance.now() - begun)} ms after SIGTERM of the gateway, whose grace is 500 ms`);
  t.equal(await gateway.ended(), 0);

  await startGateway(t, 'b', balancer.control);
  await serving(balancer, ['b']);
  const third = await talk(t, balancer.address);
  t.equal(await third.say('on b'), '/talk on b');
  begun = performance.now();
  balancer.process.signal('SIGTERM');
  await once(third.socket, 'close');
  t.comment(`ended ${Math.round(performance.now() - begun)} ms after SIGTERM of the balancer, whose grace is 500 ms`);
  t.equal(await balancer.process.ended(), 0);
});
