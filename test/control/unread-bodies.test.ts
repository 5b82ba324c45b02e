import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import https from 'node:https';
import net from 'node:net';
import tls from 'node:tls';
import { type Test, test } from 'tap';
import { cutUnreadBodies } from '../../src/control/unread-bodies.ts';
import { processDescriptors } from '../../src/model/descriptors.ts';
import { CertificateFolder, textsOf } from '../tools/certificate-folder.ts';
import { eventually } from '../tools/eventually.ts';
import { FakeClock } from '../tools/fake-clock.ts';
import { listening } from '../tools/listening.ts';

const bodyLength = 3 << 20;
/** Octets that may be read before it is known that nobody wants the body: what a stream holds, and one read of 64 KiB more. */
const mostRead = 100 * 1024;

interface Handle {
  readonly bytesRead: number;
}

/** A server that refuses each request in a later turn, what it has accepted, and a way to send it a long body. */
async function refusing(t: Test, server: Server, secure = false) {
  const clock = new FakeClock();
  cutUnreadBodies(server, clock);
  server.on('request', (_request, response) => {
    setImmediate(() => response.writeHead(401, { 'content-length': 2 }).end('no'));
  });
  const accepted: { socket: net.Socket; handle: Handle; closed: boolean }[] = [];
  server.on(secure ? 'secureConnection' : 'connection', (socket: net.Socket) => {
    const one = { socket, handle: (socket as unknown as { _handle: Handle })._handle, closed: false };
    socket.once('close', () => {
      one.closed = true;
    });
    accepted.push(one);
  });
  const [host = '', port] = (await listening(t, server)).split(':');
  const post = async () => {
    const to = { host, port: Number(port), allowHalfOpen: true };
    const socket = secure ? tls.connect({ ...to, rejectUnauthorized: false }) : net.connect(to);
    t.teardown(() => socket.destroy());
    socket.on('error', () => {});
    socket.write(`POST / HTTP/1.1\r\nhost: x\r\ncontent-length: ${bodyLength}\r\n\r\n`);
    socket.write(Buffer.alloc(bodyLength, 'x'));
    let heard = '';
    socket.on('data', (octets) => {
      heard += octets;
    });
    await once(socket, 'end');
    t.match(heard, /^HTTP\/1\.1 401 [\s\S]*connection: close[\s\S]*\r\n\r\nno$/i);
    return socket;
  };
  return { clock, accepted, post };
}

/** Resolves when the other end is gone: only a client that sends hears of it. */
async function gone(t: Test, socket: net.Socket): Promise<void> {
  const sending = setInterval(() => socket.write('x'), 1);
  t.teardown(() => clearInterval(sending));
  // It ends by an error.
  if (!socket.destroyed) await new Promise((resolve) => socket.once('close', resolve));
}

test('of a refused request nothing is kept but the handle, while its client reads the answer', async (t) => {
  const open = processDescriptors.open;
  const { clock, accepted, post } = await refusing(t, createServer());
  const clients = [await post(), await post(), await post()];
  await eventually(
    () => accepted.filter(({ closed }) => closed).length,
    (closed) => closed === clients.length,
  );
  t.notOk(
    clients.some(({ destroyed }) => destroyed),
    'the connections are still there',
  );
  t.equal(processDescriptors.open - open, clients.length, 'and count as such');
  t.equal(clock.pending, 1, 'one timer is enough for all of them');
  await clock.pass(999);
  t.equal(processDescriptors.open - open, clients.length);
  await clock.pass(1);
  t.equal(processDescriptors.open, open);
  t.equal(clock.pending, 0);
  await Promise.all(clients.map((client) => gone(t, client)));
});

for (const secure of [false, true])
  test(`no more of a body is read once the request was refused${secure ? ', with TLS either' : ''}`, async (t) => {
    const server = secure ? https.createServer(textsOf(new CertificateFolder(t).issue({ names: ['localhost'] }))) : createServer();
    const { clock, accepted, post } = await refusing(t, server, secure);
    const client = await post();
    // The client could send the rest now.
    for (let turn = 0; turn < 10; turn++) await new Promise((resolve) => setImmediate(resolve));
    const read = accepted[0]?.handle.bytesRead ?? Number.NaN;
    t.ok(read < mostRead, `${read} octets were read`);
    await clock.pass(1000);
    await gone(t, client);
  });

test('a server that closes closes the connections whose clients still read', async (t) => {
  const server = createServer();
  const { accepted, post } = await refusing(t, server);
  const client = await post();
  await eventually(
    () => accepted[0]?.closed,
    (closed) => closed === true,
  );
  server.close();
  await gone(t, client);
});
