import { once } from 'node:events';
import tls from 'node:tls';
import t from 'tap';
import { localHeader, proxyHeader } from '../../src/model/proxy-protocol.ts';
import { Upstream } from '../../src/proxy/upstream.ts';
import { readCertificate } from '../../src/tls/certificate.ts';
import { ticketKey } from '../../src/tls/ticket-key.ts';
import { CertificateFolder } from '../tools/certificate-folder.ts';
import { world } from './world.ts';

const ends = { source: '192.0.2.7', sourcePort: 4711, destination: '198.51.100.1', destinationPort: 80 };
const ask = 'GET /x HTTP/1.1\r\nHost: a\r\n\r\n';
const answer = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';
const listed = { listener: { proxyProtocol: ['127.0.0.0/8'] } };

for (const version of ['v1', 'v2'] as const) {
  t.test(`${version}: the header names the client, with the request after it or in pieces of one octet`, async (t) => {
    const w = await world(t, listed);
    const whole = await w.client();
    const pieces = await w.client();
    const octets = Buffer.concat([proxyHeader(version, ends), Buffer.from(ask)]);
    whole.send(octets);
    const server = await w.server.next();
    t.match((await server.message()).raw, /X-Forwarded-For: 192\.0\.2\.7\r\n/);
    server.send(answer);
    t.match((await whole.message()).line, '200');
    for (const octet of octets) {
      pieces.send(Buffer.from([octet]));
      await new Promise(setImmediate);
    }
    t.match((await server.message()).raw, /X-Forwarded-For: 192\.0\.2\.7\r\n/);
    server.send(answer);
    t.match((await pieces.message()).line, '200');
    t.strictSame(
      w.records.map(({ client }) => client),
      ['192.0.2.7', '192.0.2.7'],
    );
  });

  t.test(`${version}: a connection of the sender itself keeps its own address`, async (t) => {
    const w = await world(t, listed);
    const { server } = await w.asked(`${localHeader(version).toString('latin1')}${ask}`);
    t.match((await server.message()).raw, /X-Forwarded-For: 127\.0\.0\.1\r\n/);
  });

  t.test(`${version}: an address that is not listed is not believed`, async (t) => {
    const w = await world(t, { listener: { proxyProtocol: ['10.0.0.0/8'] } });
    const client = await w.client();
    client.send(Buffer.concat([proxyHeader(version, ends), Buffer.from(ask)]));
    t.match((await client.message()).line, '400');
    t.equal(w.server.count, 0);
  });

  t.test(`${version}: servers get a header with the client's address, on a connection of its own for each client`, async (t) => {
    const w = await world(t, {
      ...listed,
      route: { pick: (_exchange, tried) => (tried.length === 0 ? upstream : undefined) },
    });
    const upstream = new Upstream({ id: 'a', host: '127.0.0.1', port: w.server.port, proxyProtocol: version });
    upstream.pool.idleMs = 0;
    for (const source of ['192.0.2.7', '192.0.2.8']) {
      const header = proxyHeader(version, { ...ends, source }).toString('latin1');
      const { client, server } = await w.asked(`${header}${ask}`);
      t.equal(await server.take(header), header);
      t.match((await server.message()).line, 'GET /x HTTP/1.1');
      server.send(answer);
      t.match((await client.message()).line, '200');
    }
    t.equal(w.server.count, 2);
  });
}

t.test('servers get a header with the ends of a connection over TLS', async (t) => {
  const certificate = readCertificate(new CertificateFolder(t).issue({ names: ['localhost'] }), '/', Date.now());
  const environments = [{ name: 'here', hosts: [], ticketKey: ticketKey(Buffer.alloc(32, 1), 'here') }];
  const w = await world(t, {
    listener: { tls: { certificates: [certificate], minVersion: '1.2', environments } },
    route: { pick: (_exchange, tried) => (tried.length === 0 ? upstream : undefined) },
  });
  const upstream = new Upstream({ id: 'a', host: '127.0.0.1', port: w.server.port, proxyProtocol: 'v1' });
  const port = Number(w.listener.address.split(':')[1]);
  const client = tls.connect({ port, host: '127.0.0.1', servername: 'localhost', rejectUnauthorized: false });
  t.teardown(() => client.destroy());
  await once(client, 'secureConnect');
  client.write(ask.replace('Host: a', 'Host: localhost'));
  const server = await w.server.next();
  t.match((await server.message()).line, `PROXY TCP4 127.0.0.1 127.0.0.1 ${client.localPort} ${port}`);
});

t.test('a listed sender without the header is refused', async (t) => {
  const w = await world(t, listed);
  const client = await w.client();
  client.send(ask);
  const seen = await client.message();
  t.match(seen.line, '400');
  t.match(JSON.parse(seen.body), { code: 'bad-proxy-header' });
  t.equal(w.server.count, 0);
});

t.test('a sender that opens and closes leaves no trace', async (t) => {
  const w = await world(t, listed);
  const client = await w.client();
  while (w.listener.connections === 0) await new Promise(setImmediate);
  client.socket.end();
  await once(client.socket, 'close');
  t.equal(w.listener.connections, 0);
  t.strictSame(w.records, []);
  t.strictSame(w.listener.counts.own, {});
});

t.test('a trusted proxy behind the sender is asked for the client', async (t) => {
  const w = await world(t, { spec: { trustedProxies: ['192.0.2.7'] }, ...listed });
  const header = proxyHeader('v2', ends).toString('latin1');
  const { server } = await w.asked(`${header}GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 203.0.113.9\r\n\r\n`);
  t.match((await server.message()).raw, /X-Forwarded-For: 203\.0\.113\.9, 192\.0\.2\.7\r\n/);
  server.send(answer);
  await w.quiet();
  t.match(w.records, [{ client: '203.0.113.9' }]);
});

t.test('a request that comes with the header and a FIN is answered', async (t) => {
  const w = await world(t, listed);
  const client = await w.client();
  client.socket.end(Buffer.concat([proxyHeader('v2', ends), Buffer.from(ask)]));
  const server = await w.server.next();
  await server.message();
  server.send(answer);
  t.match((await client.message()).line, '200');
});

t.test('connections that wait for their header count, and give way', async (t) => {
  const w = await world(t, { listener: { proxyProtocol: ['127.0.0.0/8'], connections: 1 } });
  const first = await w.client();
  while (w.listener.connections === 0) await new Promise(setImmediate);
  const second = await w.client();
  second.send(Buffer.concat([proxyHeader('v1', ends), Buffer.from(ask)]));
  const server = await w.server.next();
  await server.message();
  server.send(answer);
  t.match((await second.message()).line, '200');
  t.equal(w.listener.connections, 1);
  t.ok(first.socket.destroyed || first.over !== undefined || first.ended);
});
