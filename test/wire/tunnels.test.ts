import { once } from 'node:events';
import type net from 'node:net';
import tls from 'node:tls';
import t from 'tap';
import { Upstream } from '../../src/proxy/upstream.ts';
import { TlsConnector } from '../../src/tls/tls-connector.ts';
import { CertificateFolder, textsOf } from '../tools/certificate-folder.ts';
import { passTime } from '../tools/pass-time.ts';
import { Peer } from './peer.ts';
import { agreed, ask, gone } from './upgrading.ts';
import { world } from './world.ts';

t.test('either side can end the tunnel', async (t) => {
  for (const side of ['client', 'server'] as const) {
    for (const how of ['end', 'reset'] as const) {
      const w = await world(t);
      const both = await w.asked(ask());
      await both.server.head();
      both.server.send(agreed);
      await both.client.head();
      t.equal(w.upstream.upgraded, 1);
      const other = side === 'client' ? both.server : both.client;
      both[side][how]();
      await other.closed();
      other.end();
      await gone(w);
      t.strictSame([w.upstream.active, w.upstream.upgraded], [0, 0], `${side} ${how}`);
    }
  }
  await t.test('the client, before the response', async (t) => {
    const w = await world(t);
    const { client, server } = await w.asked(ask());
    await server.head();
    client.reset();
    await server.closed();
    server.end();
    await gone(w);
    t.match(w.records, [{ status: 0, aborted: true }]);
    t.match(w.outcomes, [{ kind: 'aborted' }]);
  });
});

t.test('a client resets its connection in the very turn in which the server switches: nothing is left', async (t) => {
  for (const settings of [{}, { front: {} }] as const) {
    const w = await world(t, settings);
    const { client, server } = await w.asked(ask());
    await server.head();
    // Both happen before the event loop looks again, which then reads them in this order.
    client.reset();
    server.send(agreed);
    await server.closed();
    server.end();
    await gone(w);
    t.strictSame([w.upstream.active, w.upstream.upgraded], [0, 0]);
    await w.listener.close(60_000);
  }
});

t.test('a listener that closes gives tunnels the grace time', async (t) => {
  const w = await world(t);
  const { client, server } = await w.asked(ask());
  await server.head();
  server.send(agreed);
  await client.head();
  const closed = w.listener.close(300);
  client.send('still there');
  await server.take('still there');
  await closed;
  await client.closed();
  await server.closed();
  server.end();
  await gone(w);
});

t.test('a half-closed tunnel carries the other direction to its end', async (t) => {
  const much = 'x'.repeat(3_000_000);
  for (const first of ['client', 'server'] as const) {
    await t.test(`${first} first`, async (t) => {
      const w = await world(t);
      const both = await w.asked(ask());
      await both.server.head();
      both.server.send(agreed);
      await both.client.head();
      const [one, other] = first === 'client' ? [both.client, both.server] : [both.server, both.client];
      one.send(`${much}last`);
      one.end();
      t.equal((await other.rest()).length, much.length + 4);
      t.equal(one.ended, false, 'the other direction is still open');
      other.send(`${much}answer`);
      await one.take('answer');
      other.end();
      await one.rest();
      await gone(w);
    });
  }
  await t.test('the FIN of the client comes before the 101', async (t) => {
    const w = await world(t);
    const { client, server } = await w.asked(`${ask()}early`);
    client.end();
    await server.head();
    server.send(`${agreed}hello`);
    server.end();
    t.equal(await server.rest(), 'early');
    await client.head();
    t.equal(await client.rest(), 'hello');
    await gone(w);
  });
  await t.test('the server closes for good while the client still sends', async (t) => {
    const w = await world(t);
    const { client, server } = await w.asked(ask());
    await server.head();
    server.socket.end(Buffer.from(`${agreed}${much}last`, 'latin1'));
    await client.head();
    t.equal((await client.rest()).length, much.length + 4);
    server.socket.destroy();
    for (let turn = 0; turn < 20; turn++) await client.sent('more');
    client.end();
    t.equal(await client.until('the end', () => client.over), 'fin');
    await gone(w);
  });
});

t.test('a reset of one side resets the other, so that a tunnel cut short does not look complete', async (t) => {
  for (const side of ['client', 'server'] as const) {
    const w = await world(t);
    const both = await w.asked(ask());
    await both.server.head();
    both.server.send(agreed);
    await both.client.head();
    both[side].reset();
    const other = side === 'client' ? both.server : both.client;
    t.equal(await other.until('the end', () => other.over), 'reset', side);
    await gone(w);
  }
});

t.test('an idle tunnel ends after timeouts.tunnel; octets in either direction keep it', async (t) => {
  const w = await world(t, { spec: { timeouts: { tunnel: '30s', responseHead: '10s', total: '10s', clientIdle: '10s' } } });
  const tunnel = async () => {
    const { client, server } = await w.asked(ask());
    await server.head();
    server.send(agreed);
    await client.head();
    return { client, server };
  };
  const [one, other] = [await tunnel(), await tunnel()];
  for (let turn = 0; turn < 3; turn++) {
    await passTime(20_000);
    one.client.send('a');
    other.server.send('a');
    await Promise.all([one.server.take('a'), other.client.take('a')]);
  }
  const peers = [one.client, one.server, other.client, other.server];
  const open = [[undefined, undefined, undefined, undefined], 2];
  t.strictSame([peers.map((peer) => peer.over), w.upstream.upgraded], open);
  await passTime(20_000);
  t.strictSame([peers.map((peer) => peer.over), w.upstream.upgraded], open, 'not idle for long enough yet');
  await passTime(10_000);
  await Promise.all(peers.map((peer) => peer.closed()));
  for (const peer of peers) peer.end();
  await gone(w);
});

t.test('both directions of a tunnel to a server over TLS end by themselves', async (t) => {
  const much = 'x'.repeat(500_000);
  const server = tls.createServer({
    ...textsOf(new CertificateFolder(t).issue({ names: ['localhost', '127.0.0.1'] })),
    allowHalfOpen: true,
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => void server.close());
  const { port } = server.address() as net.AddressInfo;
  const upstream = new Upstream({ id: 'secure', host: '127.0.0.1', port, secure: new TlsConnector({ verify: false }) });
  const w = await world(t, { route: { pick: () => upstream } });
  for (const first of ['client', 'server'] as const) {
    const accepted = once(server, 'secureConnection');
    const client = await w.client();
    client.send(ask());
    const [socket] = await accepted;
    const secure = new Peer(socket as net.Socket);
    await secure.head();
    secure.send(agreed);
    await client.head();
    const [one, other] = first === 'client' ? [client, secure] : [secure, client];
    one.send(`${much}last`);
    one.end();
    t.equal((await other.rest()).length, much.length + 4, `${first} first`);
    other.send(`${much}answer`);
    await one.take('answer');
    other.end();
    await gone(w);
  }
  t.strictSame([upstream.active, upstream.upgraded], [0, 0]);
});
