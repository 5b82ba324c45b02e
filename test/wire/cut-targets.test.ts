import net from 'node:net';
import tls from 'node:tls';
import t, { type Test } from 'tap';
import type { ExchangeRecord } from '../../src/access-log/contract.ts';
import { Upstream } from '../../src/proxy/upstream.ts';
import { TlsConnector } from '../../src/tls/tls-connector.ts';
import { CertificateFolder, textsOf } from '../tools/certificate-folder.ts';
import { world } from './world.ts';

const made = new CertificateFolder(t);
const { cert: authority } = textsOf(made.root);
const here = textsOf(made.issue({ names: ['localhost', '127.0.0.1'] }));
const versions = ['TLSv1.2', 'TLSv1.3'] as const;

type End = 'close_notify' | 'FIN';

/**
 * Starts a TLS server that answers a request with `answer`. A relay before it carries the octets, so that TCP can end without TLS: with
 * `FIN` it closes TCP once everything that belongs to the answer has passed.
 */
async function target(t: Test, answer: string, end: End, version: tls.SecureVersion): Promise<number> {
  const sockets = new Set<net.Socket>();
  const open = async (server: net.Server | tls.Server) => {
    server.on('connection', (socket: net.Socket) => void sockets.add(socket.on('error', () => {})));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    t.teardown(() => new Promise<void>((resolve) => server.close(() => resolve())));
    return (server.address() as net.AddressInfo).port;
  };
  let written: ((octets: number) => void) | undefined;
  const server = tls.createServer({ ...here, minVersion: version, maxVersion: version }, (socket) => {
    const below = (socket as unknown as { _parent?: net.Socket })._parent;
    socket.on('error', () => {});
    socket.once('data', () => {
      if (end === 'close_notify') socket.end(answer);
      else socket.write(answer, () => written?.((below ?? socket).bytesWritten));
    });
  });
  const port = await open(server);
  const relay = net.createServer({ allowHalfOpen: true }, (client) => {
    const onward = net.connect(port, '127.0.0.1').on('error', () => {});
    sockets.add(onward);
    client.pipe(onward);
    let all = false;
    // TLS has written everything by now; one turn of the loop after the last octets nothing more can come.
    onward.on('data', (octets: Buffer) => {
      client.write(octets);
      if (all) onward.pause();
    });
    onward.on('end', () => client.end());
    written = () => {
      all = true;
      let quiet = 0;
      let before = onward.bytesRead;
      const look = () => {
        quiet = onward.bytesRead === before ? quiet + 1 : 0;
        before = onward.bytesRead;
        if (quiet > 50) client.end();
        else {
          onward.resume();
          setImmediate(look);
        }
      };
      look();
    };
  });
  t.teardown(() => {
    for (const socket of sockets) socket.destroy();
  });
  return open(relay);
}

/** Asks for the answer of a target through a listener; returns everything that came until the connection's end. */
async function asked(t: Test, options: { answer: string; end: End; version: tls.SecureVersion; minor?: number }) {
  const port = await target(t, options.answer, options.end, options.version);
  const upstream = new Upstream({ id: 'secure', host: '127.0.0.1', port, secure: new TlsConnector({ ca: authority }) });
  t.teardown(() => upstream.retire());
  const records: ExchangeRecord[] = [];
  const it = await world(t, { route: { pick: () => upstream }, log: (record) => void records.push(record) });
  const client = await it.client();
  client.send(`GET / HTTP/1.${options.minor ?? 1}\r\nHost: a\r\nConnection: close\r\n\r\n`);
  const how = await new Promise<string>((resolve) => {
    client.socket.once('end', () => resolve('FIN')).once('error', () => resolve('RST'));
  });
  await it.quiet();
  return { text: client.text, how, records, outcomes: it.outcomes, upstream };
}

const endless = 'HTTP/1.1 200 OK\r\n\r\n';
const sizes = [0, 2, 40_000, 600_000];

t.test('a response without a length is complete only after close_notify', async (t) => {
  for (const version of versions) {
    for (const size of sizes) {
      await t.test(`${version}, ${size} octets, close_notify`, async (t) => {
        const { text, records } = await asked(t, { answer: endless + 'x'.repeat(size), end: 'close_notify', version });
        t.match(text, /0\r\n\r\n$/, 'the last chunk');
        t.equal(records[0]?.aborted, false);
      });
      await t.test(`${version}, ${size} octets, cut`, async (t) => {
        const { text, records, outcomes, upstream } = await asked(t, { answer: endless + 'x'.repeat(size), end: 'FIN', version });
        t.notMatch(text, /(^|\n)0\r\n\r\n$/, 'no last chunk');
        t.equal(records[0]?.aborted, true);
        t.match(outcomes.at(-1), { kind: 'truncated', reason: /without close_notify/ });
        t.equal(upstream.failed.truncated, 1);
      });
    }
  }
});

t.test('a client of HTTP/1.0 sees a reset, not an end', async (t) => {
  const whole = await asked(t, { answer: `${endless}whole`, end: 'close_notify', version: 'TLSv1.3', minor: 0 });
  t.match(whole.text, /whole$/);
  t.equal(whole.how, 'FIN');
  const cut = await asked(t, { answer: `${endless}part`, end: 'FIN', version: 'TLSv1.3', minor: 0 });
  t.equal(cut.how, 'RST');
});

t.test('a response with a length or in chunks is complete without close_notify', async (t) => {
  for (const version of versions) {
    const length = await asked(t, { answer: 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nwhole', end: 'FIN', version });
    t.match(length.text, /whole$/);
    t.equal(length.records[0]?.aborted, false);
    const chunks = await asked(t, {
      answer: 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nwhole\r\n0\r\n\r\n',
      end: 'FIN',
      version,
    });
    t.match(chunks.text, /0\r\n\r\n$/);
    t.equal(chunks.records[0]?.aborted, false);
  }
});
