import { once } from 'node:events';
import net from 'node:net';
import tls from 'node:tls';
import t from 'tap';
import { CertificateFolder } from '../tools/certificate-folder.ts';
import { eventually } from '../tools/eventually.ts';
import { passTimeUntil } from '../tools/pass-time.ts';
import { open, pair, settings } from '../tools/tls-listener.ts';

t.test('the clients of one address cannot use up the handshakes under way', async (t) => {
  const made = new CertificateFolder(t);
  const { port, listener } = await open(t, settings([made.issue({ names: ['a.example'] })]));
  const silent = (localAddress: string) => {
    const socket = net.connect({ port, host: '127.0.0.1', localAddress }).on('error', () => {});
    t.teardown(() => socket.destroy());
    return socket;
  };
  const good = silent('127.0.0.2');
  await once(good, 'connect');
  let closed = 0;
  const many = Array.from({ length: 300 }, () => silent('127.0.0.3').on('close', () => closed++));
  for (const socket of many) socket.resume();
  const ended = eventually(
    () => [listener.connections, closed],
    ([open, ended]) => open === 257 && ended === 44,
    { what: 'the oldest handshakes of the address to end' },
  );
  await passTimeUntil(ended, 1000);
  t.notOk(many[0]?.readable, 'the oldest one went first');
  const socket = tls.connect({ socket: good, servername: 'a.example', rejectUnauthorized: false });
  await once(socket, 'secureConnect');
  t.pass('a client of another address goes on with its handshake');
});

t.test('clients of one address that complete their handshakes are all served, more than may take their time', async (t) => {
  const made = new CertificateFolder(t);
  const { port, listener } = await open(t, settings([made.issue({ names: ['a.example'] })]));
  const begun = Array.from({ length: 320 }, () => net.connect({ port, host: '127.0.0.1' }).on('error', () => {}));
  t.teardown(() => {
    for (const socket of begun) socket.destroy();
  });
  await eventually(
    () => listener.connections,
    (count) => count === begun.length,
    { what: 'all handshakes to be under way' },
  );
  for (const socket of begun.slice(0, 64)) {
    const client = tls.connect({ socket, servername: 'a.example', rejectUnauthorized: false });
    await once(client, 'secureConnect');
  }
  await passTimeUntil(once((begun.at(-1) as net.Socket).resume(), 'close'), 10_000);
  t.equal(listener.connections, 64, 'the others end at their deadline');
});

t.test('a client is served while many others send nothing after their ClientHello', async (t) => {
  const made = new CertificateFolder(t);
  const { port, listener } = await open(t, settings([made.issue({ names: ['a.example'] })]));
  const [near, far] = await pair(t);
  tls.connect({ socket: near, servername: 'a.example' }).on('error', () => {});
  const [hello] = (await once(far, 'data')) as [Buffer];
  const answered = Array.from({ length: 150 }, async () => {
    const client = net.connect({ port, host: '127.0.0.1', localAddress: '127.0.0.3' }).on('error', () => {});
    t.teardown(() => client.destroy());
    client.write(hello);
    await once(client, 'data');
  });
  await Promise.all(answered);
  t.equal(listener.connections, 150);
  const client = tls.connect({ port, host: '127.0.0.1', servername: 'a.example', rejectUnauthorized: false });
  client.write('GET / HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n');
  const [octets] = (await once(client, 'data')) as [Buffer];
  t.match(octets.toString(), /^HTTP\/1\.1 200 /);
});
