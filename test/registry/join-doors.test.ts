import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import t, { type Test } from 'tap';
import { writeKey } from '../../src/certificates/hop-certificates.ts';
import { makeKeyPair } from '../../src/certificates/key-pair.ts';
import { openRegistry } from '../../src/registry/open-registry.ts';
import { JoinRefusals } from '../../src/registry/remote/join-refusals.ts';
import { api, deployed, request } from '../contract/registry-samples.ts';
import { eventually } from '../tools/eventually.ts';
import { FakeClock } from '../tools/fake-clock.ts';
import { keptLogger, silentLogger } from '../tools/fake-logger.ts';
import { JoinPeer } from '../tools/join-peer.ts';
import { doors } from './doors.ts';

t.test('a session with a join token has one server: its id, its instance, its environment', async (t) => {
  const { url, behind } = await doors(t);
  await deployed(behind, 'production', 'shop');
  await deployed(behind, 'staging', 'shop');
  await behind.pushProject(api('hidden'));
  await behind.deploy('staging', 'hidden');
  await behind.join(request('other', { environment: 'production', address: '10.0.0.9:1' }));
  for (const token of ['join-secret', 'production-secret']) {
    const peer = await JoinPeer.connect(t, url, token);
    const refused = async (method: string, params: object) =>
      t.match(await peer.call(method, params), { error: { code: 'forbidden' } }, `${method} ${JSON.stringify(params)}`);
    const before: [string, object][] = [
      ['snapshot', { environment: 'production' }],
      ['revisions', { wanted: [{ name: 'shop', revision: 1 }] }],
      ['server', { id: 'other' }],
      ['leave', { id: 'other', instance: 'other-1' }],
    ];
    for (const [method, params] of before) await refused(method, params);
    t.match(await peer.watch(), { error: { code: 'forbidden' } }, 'the news of all servers');
    t.match(await peer.join('other', { environment: 'production' }), { error: { code: 'conflict' } });
    const id = `mine-${token}`;
    t.match(await peer.join(id, { environment: 'production' }), { result: { server: { id }, snapshot: { environment: 'production' } } });
    t.match(await peer.call('snapshot', { environment: 'production' }), { result: { environment: 'production' } });
    t.match(await peer.call('server', { id }), { result: { id } });
    const revision = (name: string, environment: string) => peer.call('revisions', { wanted: [{ name, revision: 1 }], environment });
    t.match(await revision('shop', 'production'), { result: [{ name: 'shop', project: { name: 'shop' } }] });
    t.match(await revision('hidden', 'staging'), { error: { code: 'not-found', message: /not deployed to environment "production"/ } });
    const after: [string, object][] = [
      ['snapshot', { environment: 'staging' }],
      ['snapshot', { environment: 'nowhere' }],
      ['manifest', { environment: 'production' }],
      ['server', { id: 'other' }],
      ['renew', { id: 'other', instance: 'other-1', projects: [] }],
      ['renew', { id, instance: 'other-1', projects: [] }],
      ['leave', { id: 'other', instance: 'other-1' }],
      ['join', request('another')],
      ['join', request(id, { instance: 'another' })],
    ];
    for (const [method, params] of after) await refused(method, params);
    t.match(await peer.watch('other'), { error: { code: 'forbidden' } });
    t.match(
      await peer.join(id, { source: 'http', environment: 'production' }),
      { result: { server: { source: 'join' } } },
      'through its own door',
    );
    await behind.assign(id, undefined);
    await peer.call('renew', { id, instance: `${id}-1`, projects: [], drained: true });
    await refused('snapshot', { environment: 'production' });
    t.match(await peer.call('leave', { id, instance: `${id}-1` }), {});
    t.equal(await behind.server(id), undefined);
    t.notMatch(peer.received, /staging|10\.0\.0\.9/);
  }
  t.ok(await behind.server('other'));
});

t.test('news of other servers, environments and projects is not sent; what was missed during a join is made up for', async (t) => {
  const { url, behind } = await doors(t);
  await deployed(behind, 'production', 'shop');
  const peer = await JoinPeer.connect(t, url, 'join-secret');
  await peer.watch('one');
  await behind.join(request('other'));
  await behind.putEnvironment('staging', {});
  await deployed(behind, 'staging', 'pay');
  await peer.join('one', { environment: 'production' });
  await behind.patchServer('other', { weight: 3 });
  await behind.deploy('production', 'pay');
  await peer.until(() => peer.news.some((news) => news.kind === 'snapshot'), 'news of its own snapshot');
  t.same(
    peer.news.filter((news) => !('name' in news) || (news.name !== 'one' && news.name !== 'production')),
    [],
  );

  const real = behind.renew;
  let answer = () => {};
  const waiting = new Promise<void>((resolve) => {
    answer = resolve;
  });
  let asked = () => {};
  const underWay = new Promise<void>((resolve) => {
    asked = resolve;
  });
  const late = await JoinPeer.connect(t, url, 'join-secret');
  await late.watch('one');
  behind.renew = async (...given) => {
    const early = await real(...given);
    asked();
    await waiting;
    return early;
  };
  const renewal = late.call('renew', { id: 'one', instance: 'one-1', projects: [] });
  await underWay;
  await behind.undeploy('production', 'pay');
  answer();
  await renewal;
  await late.until(() => late.news.some((news) => news.kind === 'server' && news.name === 'one'), 'a hint to renew again');
});

t.test('a join token gets a certificate for the own server only, and none of a balancer', async (t) => {
  const { url, behind } = await doors(t);
  const certified: string[] = [];
  behind.certification?.use({
    certify: ({ id, environment, hop }) => {
      if (hop === undefined || hop.certificate !== undefined) return undefined;
      certified.push(`${environment}/${id} ${hop.key === ours ? 'ours' : 'theirs'}`);
      return { id: '1', authorities: 'one', pem: 'certificate', until: 1 };
    },
  });
  const [ours, theirs] = [writeKey(makeKeyPair().publicKey), writeKey(makeKeyPair().publicKey)];
  await behind.putEnvironment('production', {});
  await behind.putEnvironment('staging', {});
  const theirSecret = 'their-secret-of-sixteen';
  await behind.join(request('other', { environment: 'production', hop: { key: theirs }, secret: theirSecret }));
  const peer = await JoinPeer.connect(t, url, 'production-secret');
  const hop = { key: ours };
  for (const secret of [undefined, 'another-secret-of-sixteen']) {
    const claim = { hop, ...(secret !== undefined && { secret }) };
    t.match(await peer.join('other', { environment: 'production', ...claim }), { error: { code: 'conflict' } });
    t.match(await peer.join('other', { environment: 'production', instance: 'other-2', ...claim }), { error: { code: 'conflict' } });
    t.match(await peer.call('renew', { id: 'other', instance: 'other-1', projects: [], ...claim }), { error: { code: 'not-found' } });
  }
  t.match(await peer.join('mine', { environment: 'staging', hop }), { error: { code: 'forbidden' } });
  t.match(await peer.join('mine', { environment: 'production', hop, certificate: { pem: 'x' } }), {
    result: { server: { hop: { certificate: { pem: 'certificate' } } } },
  });
  t.match(await peer.call('renew', { id: 'other', instance: 'other-1', projects: [], hop }), { error: { code: 'forbidden' } });
  t.match(await peer.call('server', { id: 'mine' }), { result: { hop: { key: ours } } });
  t.match((await behind.server('other'))?.hop, { key: theirs });
  t.same(certified, ['production/other theirs', 'production/mine ours']);
});

t.test('a renewal on a new connection needs the secret, or the address from which the server registered', async (t) => {
  const { url, behind } = await doors(t);
  const secret = 'the-secret-of-one';
  const first = await JoinPeer.connect(t, url, 'join-secret');
  await first.join('one', { secret });
  await first.join('one', { secret });
  const second = await JoinPeer.connect(t, url, 'join-secret');
  const renewal = { id: 'one', instance: 'one-1', projects: [] };
  t.match(await second.call('renew', renewal), { error: { code: 'not-found' } });
  t.match(await second.call('renew', { ...renewal, secret: 'a-guessed-secret-of-one' }), { error: { code: 'not-found' } });
  t.match(await second.call('leave', { id: 'one', instance: 'one-1' }), { error: { code: 'forbidden' } });
  t.match(await second.call('renew', { ...renewal, secret }), { result: { server: { id: 'one' } } });
  t.match(await second.call('renew', renewal), { result: { server: { id: 'one' } } }, 'the connection has proven who it is');

  const caller = (address: string) => ({ address, mostServers: 0, isHealthy: () => false });
  await behind.join(request('old'), caller('10.0.0.1'));
  const old = { id: 'old', instance: 'old-1', projects: [] };
  await t.rejects(behind.renew(old, caller('10.0.0.2')), { code: 'not-found' });
  t.match(await behind.renew(old, caller('10.0.0.1')), { server: { id: 'old' } }, 'a gateway of an older version has no secret');
  await t.rejects(behind.join(request('old', { instance: 'old-2' }), caller('10.0.0.2')), { code: 'conflict' });
});

t.test('a server whose lease has ended is still not replaced from another address while the balancer sees it healthy', async (t) => {
  const { behind } = await doors(t);
  await behind.join(request('one', { ttl: 1, secret: 'the-secret-of-one' }));
  await eventually(
    () => behind.server('one'),
    (server) => (server?.leaseRemaining ?? 0) < 0,
  );
  const caller = (healthy: boolean) => ({ address: '10.0.0.1', mostServers: 0, isHealthy: () => healthy });
  const taking = (address: string) => request('one', { instance: 'one-2', address, ttl: 1 });
  await t.rejects(behind.join(taking('10.0.0.1:1'), caller(true)), { code: 'conflict', message: /until it is stopped/ });
  t.match(
    await behind.join(taking('127.0.0.1:1'), caller(true)),
    { server: { instance: 'one-2' } },
    'at its own address it must have restarted',
  );
  await eventually(
    () => behind.server('one'),
    (server) => (server?.leaseRemaining ?? 0) < 0,
  );
  t.match(await behind.join({ ...taking('10.0.0.1:1'), instance: 'one-3' }, caller(false)), { server: { instance: 'one-3' } });
});

t.test('registrations are capped for each environment, and a token for one environment uses up no other room', async (t) => {
  const { url, behind, limits } = await doors(t);
  for (const name of ['production', 'staging']) await behind.putEnvironment(name, {});
  limits.servers = 2;
  const join = async (token: string, id: string, environment?: string) => {
    const peer = await JoinPeer.connect(t, url, token);
    return (await peer.join(id, environment === undefined ? {} : { environment })).error?.code ?? 'joined';
  };
  t.same([await join('production-secret', 'p1'), await join('production-secret', 'p2')], ['joined', 'joined']);
  t.equal(await join('production-secret', 'p3', 'production'), 'throttled', 'available ones count for the environment of the token');
  t.same(
    [await join('join-secret', 'a1'), await join('join-secret', 'a2'), await join('join-secret', 'a3')],
    ['joined', 'joined', 'throttled'],
  );
  t.equal(await join('join-secret', 's1', 'staging'), 'joined');
  await behind.leave('p1', 'p1-1');
  t.equal(await join('production-secret', 'p3', 'production'), 'joined', 'a server that left makes room');
  await behind.servers();
  t.equal(await join('production-secret', 'p4', 'production'), 'throttled', 'so does a list not change the count');
  limits.servers = 3;
  t.equal(await join('production-secret', 'p4', 'production'), 'joined', 'the limit can be raised at any time');
});

t.test('connections are capped in all and for each address, and a refused one is closed however the peer behaves', async (t) => {
  const { url, port, refusals, limits } = await doors(t);
  limits.connectionsPerAddress = 2;
  const first = await JoinPeer.connect(t, url, 'join-secret');
  await JoinPeer.connect(t, url, 'production-secret');
  const registry = await openRegistry({ url, token: 'join-secret', logger: silentLogger });
  t.teardown(() => registry.close());
  await t.rejects(registry.join(request('one')), {
    message: /refused the connection \(503\): 2 connections .*control\.joins\.connectionsPerAddress/,
  });
  await JoinPeer.connect(t, url, 'admin-secret');
  limits.connectionsPerAddress = 0;
  limits.connections = 2;
  await t.rejects(JoinPeer.connect(t, url, 'join-secret'), /503/);
  first.close();
  await first.until(() => first.closed !== undefined, 'it to close');
  await eventually(
    () =>
      JoinPeer.connect(t, url, 'join-secret').then(
        () => true,
        () => false,
      ),
    (connected) => connected,
  );
  t.ok((refusals.counts.get('connections') ?? 0) >= 2);

  const stubborn = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
  t.teardown(() => stubborn.destroy());
  stubborn.write('GET /v1/join HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nAuthorization: Bearer wrong\r\n\r\n');
  stubborn.resume();
  await once(stubborn, 'end');
  stubborn.on('error', () => {});
  const cut = new Promise((resolve) => stubborn.once('close', resolve));
  // Writing finds out that the other end is gone.
  const writing = setInterval(() => stubborn.write('x'), 50);
  t.teardown(() => clearInterval(writing));
  await cut;
  t.equal(refusals.counts.get('token'), 1);
});

t.test('a peer that does not read holds at most 4 MiB and one answer, then is cut off', async (t) => {
  const { port, behind, mounted, refusals } = await doors(t);
  const answer = 1024 * 1024;
  let answered = 0;
  behind.join = (given) => {
    answered++;
    return Promise.resolve({ server: { ...given, filler: 'x'.repeat(answer) } } as never);
  };
  const socket = await upgraded(t, port, 'join-secret');
  socket.pause();
  const closed = once(socket, 'close');
  for (let call = 0; call < 200 && mounted.peers > 0; call++) {
    const before = answered;
    socket.write(textFrame(JSON.stringify({ call, method: 'join', params: request('one') })));
    await eventually(
      () => answered > before || mounted.peers === 0,
      (done) => done,
    );
  }
  await eventually(
    () => mounted.peers,
    (peers) => peers === 0,
  );
  t.equal(refusals.counts.get('slow'), 1);
  // What the kernel took for the peer does not count: on loopback up to about 10 MB.
  t.ok(answered * answer < 24 * 1024 * 1024, `${answered} answers of 1 MiB`);
  socket.resume();
  await closed;
});

t.test('a peer that stops reading in the middle of an answer, or never finishes a frame, is cut off after 10 s', async (t) => {
  const { port, behind, mounted, clock, refusals } = await doors(t, new FakeClock());
  behind.join = (given) => Promise.resolve({ server: { ...given, filler: 'x'.repeat(16 * 1024 * 1024) } } as never);
  const deaf = await upgraded(t, port, 'join-secret');
  deaf.pause();
  deaf.write(textFrame(JSON.stringify({ call: 1, method: 'join', params: request('one') })));
  const halting = await upgraded(t, port, 'join-secret');
  // The first fragment of a message (RFC 6455 section 5.4): control frames may follow, the rest never comes.
  halting.write(Buffer.concat([Buffer.from([0x01, 0xff, 0, 0, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0]), Buffer.alloc(3 * 65_536, 32)]));
  t.equal(mounted.peers, 2);
  // Signs of life keep the heartbeat quiet.
  await eventually(
    async () => {
      for (const socket of [deaf, halting]) if (socket.writable) socket.write(Buffer.from([0x8a, 0x80, 0, 0, 0, 0]));
      await clock?.pass(1000);
      return mounted.peers;
    },
    (peers) => peers === 0,
  );
  t.equal(refusals.counts.get('slow'), 2);
});

t.test('news for a peer that does not read is coalesced', async (t) => {
  const { port, behind, mounted } = await doors(t);
  await behind.putEnvironment('production', {});
  const real = behind.join;
  behind.join = async (...given) => ({ ...(await real(...given)), filler: 'x'.repeat(3 * 1024 * 1024 + 8 * 1024 * 1024) }) as never;
  const socket = await upgraded(t, port, 'join-secret');
  socket.pause();
  socket.write(textFrame(JSON.stringify({ call: 1, watch: { server: 'one' } })));
  socket.write(textFrame(JSON.stringify({ call: 2, method: 'join', params: request('one', { environment: 'production' }) })));
  await eventually(
    () => behind.server('one'),
    (server) => server !== undefined,
  );
  for (let weight = 1; weight < 200; weight++) await behind.patchServer('one', { weight });
  t.equal(mounted.peers, 1, 'news alone does not cut it off');
  let received = 0;
  let end = '';
  socket.on('data', (data) => {
    received += data.length;
    end = (end + data.toString('latin1')).slice(-20_000);
  });
  socket.resume();
  await eventually(
    () => /"kind":"server","name":"one"/.test(end),
    (heard) => heard,
  );
  t.ok((end.match(/"kind":"server"/g) ?? []).length < 20, 'far less than 200 items');
  t.ok(received > 8 * 1024 * 1024);
});

t.test('a registration by plain HTTP is not renewed, changed or ended through the other door', async (t) => {
  const { url, behind } = await doors(t);
  await deployed(behind, 'production', 'shop');
  const address = '10.0.0.9:9300';
  const legacy = request('legacy', { environment: 'production', address, instance: `http:${address}`, source: 'http' });
  for (const from of ['10.0.0.9', '127.0.0.1']) {
    await behind.join(legacy, { address: from, mostServers: 0, isHealthy: () => false });
    const before = await behind.server('legacy');
    for (const token of ['join-secret', 'production-secret']) {
      const peer = await JoinPeer.connect(t, url, token);
      const { id, instance } = legacy;
      for (const more of [
        {},
        { leaving: true },
        { drained: true },
        { projects: [{ name: 'shop', revision: 1, state: 'rejected', error: 'x' }] },
      ])
        t.match(await peer.call('renew', { id, instance, projects: [], ...more }), { error: { code: 'not-found' } }, JSON.stringify(more));
      t.match(await peer.join(id, { instance, environment: 'production', address }), { error: { code: 'conflict' } });
      t.match(await peer.call('leave', { id, instance }), { error: { code: 'forbidden' } });
      t.notMatch(peer.received, /shop/);
    }
    const now = await behind.server('legacy');
    t.match(now, { instance: before?.instance, leaving: false, projects: [], environment: 'production' }, `registered from ${from}`);
    await behind.leave('legacy', legacy.instance);
  }
});

t.test('refusals are counted, and logged at most once a minute for each address', async (t) => {
  const clock = new FakeClock();
  const { logger, lines } = keptLogger();
  const refusals = new JoinRefusals(logger, clock);
  for (let count = 0; count < 5; count++) refusals.note('taken', '10.0.0.1', 'the id is taken', 'control.tokens.join.rack1');
  refusals.note('token', '10.0.0.2', 'its token is not valid');
  t.equal(lines.length, 2);
  t.match(lines[0], { address: '10.0.0.1', reason: 'taken', token: 'control.tokens.join.rack1' });
  await clock.pass(60_000);
  refusals.note('taken', '10.0.0.1', 'the id is taken');
  t.match(lines[2], { address: '10.0.0.1', unlogged: 4 });
  t.same([refusals.counts.get('taken'), refusals.counts.get('token')], [6, 1]);
  for (let count = 0; count < 5000; count++) refusals.note('token', `10.1.${count >> 8}.${count & 255}`, 'its token is not valid');
  t.equal(refusals.remembered, 1024, 'the memory of addresses is bounded');
});

/** A TCP connection on which the upgrade to WebSocket has been answered. */
async function upgraded(t: Test, port: number, token: string): Promise<Socket> {
  const socket = connect(port, '127.0.0.1');
  socket.on('error', () => {});
  t.teardown(() => socket.destroy());
  const key = Buffer.alloc(16, 1).toString('base64');
  socket.write(
    `GET /v1/join HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${key}\r\nAuthorization: Bearer ${token}\r\n\r\n`,
  );
  await once(socket, 'data');
  return socket;
}

/** A masked text frame (RFC 6455 section 5.2) with a mask of zeros. */
function textFrame(text: string): Buffer {
  const body = Buffer.from(text);
  const head = body.length < 126 ? [0x81, 0x80 | body.length] : [0x81, 0xfe, body.length >> 8, body.length & 255];
  return Buffer.concat([Buffer.from([...head, 0, 0, 0, 0]), body]);
}
