import { once } from 'node:events';
import { connect, createServer as createTcpServer, type Socket } from 'node:net';
import t, { type Test } from 'tap';
import { WebSocket } from 'ws';
import type { Registry } from '../../src/registry/contract.ts';
import { openRegistry } from '../../src/registry/open-registry.ts';
import { RegistrationEndpoint } from '../../src/registry/remote/registration-endpoint.ts';
import { api, deployed, listen, request } from '../contract/registry-samples.ts';
import { eventually } from '../tools/eventually.ts';
import { FakeClock } from '../tools/fake-clock.ts';
import { keptLogger, silentLogger as logger } from '../tools/fake-logger.ts';
import { listening } from '../tools/listening.ts';
import { mount } from '../tools/mounted.ts';
import { ownFolder } from '../tools/own-folder.ts';

const tokens = { 'Bearer admin-secret': 'admin', 'Bearer join-secret': 'join' } as const;

t.test('a peer without a valid token is refused', async (t) => {
  const { url } = await endpoint(t);
  for (const token of [undefined, '', 'wrong', 'admin-secret2']) {
    const { logger, lines } = keptLogger();
    const registry = await openRegistry({ url, logger, ...(token === undefined ? {} : { token }) });
    t.teardown(() => registry.close());
    t.notOk(registry.link.up);
    await t.rejects(registry.join(request('one')), { code: 'unauthorized', message: /401.*SLUICE_JOIN_TOKEN/ });
    t.notMatch(JSON.stringify(lines), /secret2|wrong/);
  }
});

t.test('a refused upgrade is answered in plain HTTP', async (t) => {
  const { port } = await endpoint(t);
  const answer = await exchange(port, 'GET /v1/join HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n');
  t.match(answer, /^HTTP\/1\.1 401 Unauthorized\r\nWWW-Authenticate: Bearer\r\n/);
  const noWebSocket =
    'GET /v1/join HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: other\r\nAuthorization: Bearer join-secret\r\n\r\n';
  t.match(await exchange(port, noWebSocket), /^HTTP\/1\.1 400 /);
});

t.test('the join token lets a server register itself, and nothing else', async (t) => {
  const { url, behind } = await endpoint(t);
  const snapshot = await deployed(behind, 'production', 'shop');
  const registry = await openRegistry({ url, token: 'join-secret', logger });
  t.teardown(() => registry.close());
  const heard = await listen(t, registry, 'one');
  t.same((await registry.join(request('one', { environment: 'production' }))).snapshot, snapshot);
  await registry.renew({ id: 'one', instance: 'one-1', projects: [] });
  t.same(await registry.snapshot('production'), snapshot);
  t.match(await registry.server('one'), { id: 'one' });
  await heard.until(({ kind }) => kind === 'server');

  await behind.join(request('two'));
  await t.rejects(registry.server('two'), { code: 'forbidden', message: /own server/ });
  const forbidden: [string, () => Promise<unknown>][] = [
    ['environments', () => registry.environments()],
    ['environment', () => registry.environment('production')],
    ['putEnvironment', () => registry.putEnvironment('x', {})],
    ['deleteEnvironment', () => registry.deleteEnvironment('production', { force: true })],
    ['projects', () => registry.projects()],
    ['pushProject', () => registry.pushProject(api('x'))],
    ['revision', () => registry.revision('shop')],
    ['deploy', () => registry.deploy('production', 'shop')],
    ['undeploy', () => registry.undeploy('production', 'shop')],
    ['rollback', () => registry.rollback('production', 'shop')],
    ['servers', () => registry.servers()],
    ['assign', () => registry.assign('one', undefined)],
    ['patchServer', () => registry.patchServer('one', { weight: 0 })],
  ];
  for (const [name, call] of forbidden) await t.rejects(call(), { code: 'forbidden', message: new RegExp(name) }, name);
  t.same(await behind.snapshot('production'), snapshot, 'nothing was changed');
  await registry.leave('one', 'one-1');
  t.equal(await behind.server('one'), undefined);
});

t.test('garbage is refused with a reason, and does not affect other peers', async (t) => {
  const { url, behind, endpoint: mounted } = await endpoint(t);
  const bystander = await openRegistry({ url, token: 'join-secret', logger });
  t.teardown(() => bystander.close());
  const socketUrl = `${url.replace('http', 'ws')}/v1/join`;
  const open = async () => {
    const socket = new WebSocket(socketUrl, { headers: { authorization: 'Bearer join-secret' } });
    await once(socket, 'open');
    return socket;
  };
  const frames = [
    '',
    'x',
    '{',
    '[]',
    'null',
    '{}',
    '{"call":-1,"method":"join"}',
    '{"call":1}',
    '{"call":"1","method":"join"}',
    Buffer.from([0, 1, 255]),
  ];
  for (const frame of frames) {
    const socket = await open();
    socket.send(frame);
    const [code, reason] = await once(socket, 'close');
    t.equal(code, 1008);
    t.equal(String(reason), 'not a call');
  }
  const large = await open();
  large.send('x'.repeat(3 * 1024 * 1024));
  t.equal((await once(large, 'close'))[0], 1009, 'too big');

  const socket = await open();
  const answers: { call: number; error?: { code: string; message: string } }[] = [];
  socket.on('message', (data) => answers.push(JSON.parse(String(data))));
  const asked = [
    ['toString', {}, 'invalid', /has no such method/],
    ['__proto__', {}, 'invalid', /has no such method/],
    ['close', {}, 'invalid', /has no such method/],
    ['join', undefined, 'invalid', /join:/],
    ['join', { id: 7 }, 'invalid', /id/],
    ['renew', { id: 'x', instance: 'x', projects: [{ name: 'x', revision: 'y' }] }, 'invalid', /revision/],
    ['snapshot', { environment: '__proto__' }, 'forbidden', /own environment/],
  ] as const;
  for (const [call, [method, params]] of asked.entries()) socket.send(JSON.stringify({ call, method, params }));
  await eventually(
    () => answers,
    ({ length }) => length === asked.length,
  );
  answers.sort((one, other) => one.call - other.call);
  for (const [call, [method, , code, message]] of asked.entries()) t.match(answers[call]?.error, { code, message }, method);

  t.equal(mounted.peers, 2);
  t.same(await behind.servers(), []);
  await bystander.join(request('one'));
});

for (const [access, most] of [
  ['admin', 64],
  ['join', 16],
] as const) {
  t.test(`a peer with the ${access} token may have ${most} calls open at a time`, async (t) => {
    const { url, behind } = await endpoint(t);
    const release: (() => void)[] = [];
    behind.join = () => new Promise((_, reject) => release.push(() => reject(new TypeError('a secret detail'))));
    const socket = new WebSocket(`${url.replace('http', 'ws')}/v1/join`, { headers: { authorization: `Bearer ${access}-secret` } });
    await once(socket, 'open');
    t.teardown(() => socket.terminate());
    for (let call = 0; call <= most; call++) socket.send(JSON.stringify({ call, method: 'join', params: request('one') }));
    const [first] = await once(socket, 'message');
    t.match(JSON.parse(String(first)), { call: most, error: { code: 'unavailable', message: new RegExp(`${most} calls`) } });
    t.equal(release.length, most);
    for (const fail of release) fail();
    const [second] = await once(socket, 'message');
    t.match(JSON.parse(String(second)), { error: { code: 'internal' } });
    t.notMatch(String(second), /secret detail/);
  });
}

t.test('a balancer that stops closes its connections; the peers reconnect to its successor', async (t) => {
  const { url, endpoint: mounted, remount } = await endpoint(t);
  const registry = await openRegistry({ url, token: 'join-secret', logger });
  t.teardown(() => registry.close());
  const heard = await listen(t, registry, 'one');
  await registry.join(request('one'));
  await mounted.close();
  t.equal(mounted.peers, 0);
  await eventually(
    () => registry.link,
    ({ up }) => !up,
  );
  await t.rejects(registry.renew({ id: 'one', instance: 'one-1', projects: [] }), { code: 'unavailable' });
  remount();
  await heard.until(({ kind }) => kind === 'resync');
  t.match(await registry.renew({ id: 'one', instance: 'one-1', projects: [] }), { server: { id: 'one' } });
});

t.test('a balancer that hangs is detected: calls fail and the link goes down', async (t) => {
  const { url } = await endpoint(t);
  const sockets: Socket[] = [];
  let frozen = false;
  const proxy = createTcpServer((client) => {
    const upstream = connect(Number(new URL(url).port), '127.0.0.1');
    sockets.push(upstream);
    for (const socket of [client, upstream]) socket.on('error', () => {});
    client.on('data', (data) => frozen || upstream.write(data));
    upstream.on('data', (data) => frozen || client.write(data));
  });
  t.teardown(() => {
    for (const socket of sockets) socket.destroy();
  });
  const registry = await openRegistry({ url: `http://${await listening(t, proxy)}`, token: 'join-secret', logger });
  t.teardown(() => registry.close());
  await registry.join(request('one'));
  const heard = await listen(t, registry, 'one');
  frozen = true;
  await t.rejects(registry.server('one'), { code: 'unavailable' });
  t.notOk(registry.link.up);
  frozen = false;
  await heard.until(({ kind }) => kind === 'resync');
  t.ok(registry.link.up);
});

t.test('a slow answer to the upgrade is waited for, and does not delay the opening of the registry', async (t) => {
  const { url } = await endpoint(t);
  const clients: Socket[] = [];
  const slow = createTcpServer((client) => clients.push(client));
  const address = await listening(t, slow);
  const clock = new FakeClock();
  const come = once(slow, 'connection');
  const opening = openRegistry({ url: `http://${address}`, token: 'join-secret', logger, clock });
  const [client] = (await come) as [Socket];
  const [asked] = await once(client, 'data');
  await clock.pass(3000);
  const registry = await opening;
  t.teardown(() => registry.close());
  t.notOk(registry.link.up);
  await clock.pass(26_000);
  const upstream = connect(Number(new URL(url).port), '127.0.0.1');
  clients.push(upstream);
  t.teardown(() => upstream.destroy());
  upstream.write(asked);
  client.pipe(upstream).pipe(client);
  await eventually(
    () => registry.link,
    ({ up }) => up,
  );
  t.equal(clients.length, 2, 'by the first connection');
  await registry.join(request('one'));
});

/** An endpoint for both tokens over an embedded registry. */
async function endpoint(t: Test) {
  const behind: Registry = await openRegistry({ url: `embedded:${ownFolder(t)}`, logger });
  t.teardown(() => behind.close());
  const grantOf = (header: string | undefined) =>
    header !== undefined && header in tokens ? { access: tokens[header as keyof typeof tokens] } : undefined;
  const make = () => new RegistrationEndpoint({ registry: behind, logger, grantOf });
  let mounted = make();
  const served = await mount(t, () => mounted);
  const remount = () => {
    mounted = make();
  };
  return { ...served, behind, endpoint: mounted, remount };
}

async function exchange(port: number, text: string): Promise<string> {
  const socket = connect(port, '127.0.0.1');
  socket.write(text);
  let answer = '';
  for await (const data of socket) answer += data;
  return answer;
}
