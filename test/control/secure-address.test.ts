import { once } from 'node:events';
import net from 'node:net';
import tls from 'node:tls';
import t from 'tap';
import { CertificateFolder, textsOf } from '../tools/certificate-folder.ts';
import { eventually } from '../tools/eventually.ts';
import { FakeClock } from '../tools/fake-clock.ts';
import { pair } from '../tools/tls-listener.ts';
import { controlUnderTest } from './control-under-test.ts';

const secure = textsOf(new CertificateFolder(t).issue({ names: ['localhost', '127.0.0.1'] }));

/** All that comes back for these octets. */
async function send(socket: net.Socket, octets: string): Promise<string> {
  socket.write(octets);
  let said = '';
  for await (const piece of socket) said += piece;
  return said;
}

for (const kind of ['plain', 'TLS'] as const)
  t.test(`${kind}: two Host lines are refused, and an upgrade to something else is answered without it`, async (t) => {
    const { control } = await controlUnderTest(t, kind === 'TLS' ? { secure } : {});
    const port = Number(control.address.split(':')[1]);
    const connect = () =>
      kind === 'TLS' ? tls.connect({ host: '127.0.0.1', port, rejectUnauthorized: false }) : net.connect({ host: '127.0.0.1', port });
    const ask = (path: string, ...lines: string[]) => send(connect(), [`GET ${path} HTTP/1.1`, ...lines, '', ''].join('\r\n'));
    const close = 'Connection: close';
    for (const [one, other] of [
      ['Host: a', 'Host: b'],
      ['Host: a', 'HOST: a'],
    ] as const)
      for (const path of ['/healthz', '/v1/servers', '/', '/nowhere'])
        t.match(await ask(path, one, close, other), /^HTTP\/1\.1 400 .*"malformed"/s, `${path} with ${one} and ${other}`);
    const webSocket = [
      'Connection: Upgrade',
      'Upgrade: websocket',
      'Sec-WebSocket-Version: 13',
      'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
    ];
    t.match(await ask('/v1/join', 'Host: a', 'Host: b', ...webSocket), /^HTTP\/1\.1 400 .*"malformed"/s, 'an upgrade');
    t.match(await ask('/healthz', 'Host: 127.0.0.1', close), /^HTTP\/1\.1 200 /);
    t.match(
      await ask('/healthz', 'Host: 127.0.0.1', 'Connection: Upgrade, HTTP2-Settings', 'Upgrade: h2c', 'HTTP2-Settings: x'),
      /^HTTP\/1\.1 200 /,
    );
  });

t.test('a handshake has ten seconds, at each of its steps', async (t) => {
  const clock = new FakeClock();
  const { control } = await controlUnderTest(t, { secure, clock });
  const port = Number(control.address.split(':')[1]);
  for (const octets of [[], [0x16], [0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3]]) {
    const socket = net.connect({ host: '127.0.0.1', port });
    await once(socket, 'connect');
    socket.write(Buffer.from(octets));
    const closed = once(socket.resume(), 'close');
    await eventually(
      () => {
        clock.pass(1_000);
        return socket.destroyed || socket.readableEnded;
      },
      (over) => over,
      { what: `the end of a handshake after ${octets.length} octets` },
    );
    socket.destroy();
    await closed;
  }
  const whole = tls.connect({ host: '127.0.0.1', port, rejectUnauthorized: false });
  t.match(await send(whole, 'GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n'), /^HTTP\/1\.1 200 /);
});

t.test('of many handshakes that could end at once, few do so between two turns of other traffic', async (t) => {
  const { control } = await controlUnderTest(t, { secure });
  const port = Number(control.address.split(':')[1]);
  const count = 80;
  /** Sends what a client answers to the server. */
  const answers: (() => void)[] = [];
  let ended = 0;
  const begin = async () => {
    const [near, far] = await pair(t);
    const server = net.connect({ host: '127.0.0.1', port }).on('error', () => {});
    t.teardown(() => server.destroy());
    tls.connect({ socket: near, rejectUnauthorized: false }).on('error', () => {});
    const [hello] = (await once(far, 'data')) as [Buffer];
    const told = once(far, 'data') as Promise<[Buffer]>;
    server.on('data', (octets) => far.write(octets)).write(hello);
    const [answer] = await told;
    answers.push(() => server.write(answer));
    server.prependOnceListener('data', () => ended++);
  };
  await Promise.all(Array.from({ length: count }, begin));
  for (const answer of answers) answer();
  const perTurn: number[] = [];
  while (ended < count) {
    const before = ended;
    await new Promise(setImmediate);
    perTurn.push(ended - before);
  }
  t.ok(Math.max(...perTurn) <= 64, `at most ${Math.max(...perTurn)} in one turn`);
});
