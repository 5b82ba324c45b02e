import { once } from 'node:events';
import net from 'node:net';
import tls from 'node:tls';
import t from 'tap';
import { readClientHello } from '../../src/tls/client-hello.ts';
import { seeded } from '../tools/seeded-random.ts';
import { pair } from '../tools/tls-listener.ts';

t.test('a ClientHello is understood in whatever pieces and records it comes', async (t) => {
  const server = net.createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const client = tls
    .connect({
      ...(server.address() as net.AddressInfo),
      host: '127.0.0.1',
      servername: 'other.example',
      ALPNProtocols: ['only/1'],
      rejectUnauthorized: false,
    })
    .on('error', () => {});
  const [far] = (await once(server, 'connection')) as [net.Socket];
  t.teardown(() => {
    client.destroy();
    far.destroy();
    server.close();
  });
  const [hello] = (await once(far, 'data')) as [Buffer];
  const record = (body: Buffer) => Buffer.concat([Buffer.from([22, 3, 1, body.length >> 8, body.length & 255]), body]);
  const body = hello.subarray(5);
  t.match(readClientHello(hello), { serverName: 'other.example', protocol: 'only/1' });
  for (let cut = 0; cut < hello.length; cut++) t.equal(readClientHello(hello.subarray(0, cut)), 'incomplete');
  for (const cut of [1, 3, 4, 100])
    t.match(readClientHello(Buffer.concat([record(body.subarray(0, cut)), record(body.subarray(cut))])), { serverName: 'other.example' });
  const chance = seeded(7);
  for (let round = 0; round < 2000; round++) {
    const broken = Buffer.from(hello);
    for (let faults = 0; faults < 3; faults++) broken[Math.floor(chance() * broken.length)] = Math.floor(chance() * 256);
    readClientHello(broken);
  }
  for (const octets of [
    Buffer.from('GET / HTTP/1.1'),
    Buffer.alloc(17_000, 22),
    Buffer.concat(Array(9).fill(record(Buffer.from([1])))),
    record(Buffer.from([2])),
  ])
    t.match(readClientHello(octets), { serverName: undefined }, 'OpenSSL gets the rest unread');
});

t.test('a client whose keys the server does not take is known by its ClientHello', async (t) => {
  for (const [ecdhCurve, sharesKey] of [
    ['P-521', false],
    ['P-521:X25519', false],
    ['X25519', true],
    ['P-384:P-521', true],
  ] as const) {
    const [near, far] = await pair(t);
    tls.connect({ socket: near, ecdhCurve, rejectUnauthorized: false }).on('error', () => {});
    const [hello] = (await once(far, 'data')) as [Buffer];
    t.match(readClientHello(hello), { sharesKey }, ecdhCurve);
  }
});
