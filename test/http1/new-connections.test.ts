import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import net from 'node:net';
import tls from 'node:tls';
import { test } from 'tap';
import { giveHeadBack, takeHead } from '../../src/http1/connection/spare-heads.ts';
import type { Receiver } from '../../src/http1/connection/wire.ts';
import { connect } from '../../src/http1/connection/wire-socket.ts';
import { TlsConnector } from '../../src/tls/tls-connector.ts';
import { CertificateFolder } from '../tools/certificate-folder.ts';
import { listening } from '../tools/listening.ts';
import { open, settings } from '../tools/tls-listener.ts';
import { within } from '../tools/within.ts';

const receiver: Receiver = { octets() {}, eof() {}, drained() {}, closed() {}, crashed() {} };

interface TcpHandle {
  setNoDelay(on: boolean): number;
  setKeepAlive(on: boolean, afterSeconds: number): number;
}

test('connections to servers send small writes at once, and notice peers that vanish', async (t) => {
  const folder = new CertificateFolder(t);
  const { certificate, key } = folder.issue({ names: ['localhost'] });
  const plain = await listening(t, net.createServer());
  const secured = await listening(t, tls.createServer({ cert: readFileSync(certificate), key: readFileSync(key) }));
  const sample = net.connect(Number(plain.split(':')[1]), '127.0.0.1');
  await once(sample, 'connect');
  const handles = Object.getPrototypeOf((sample as unknown as { _handle: TcpHandle })._handle) as TcpHandle;
  sample.destroy();
  const seen = new Set<string>();
  for (const name of ['setNoDelay', 'setKeepAlive'] as const)
    t.intercept(handles, name, {
      value: function intercepted(this: unknown, ...given: unknown[]) {
        if (given[0] === true) seen.add(name);
        return 0;
      },
    });
  for (const [address, secure] of [
    [plain, undefined],
    [secured, new TlsConnector({ verify: false })],
  ] as const) {
    seen.clear();
    const connected = new Promise<void>((resolve) => {
      const wire = connect({ host: '127.0.0.1', port: Number(address.split(':')[1]), secure }, receiver, 5000, resolve);
      t.teardown(() => wire.destroy());
    });
    await within(connected, { what: 'a connection', seen: () => address });
    t.same([...seen].sort(), ['setKeepAlive', 'setNoDelay'], secure === undefined ? 'plain' : 'TLS');
  }
});

test('the heads of 1000 requests in flight are used again', async (t) => {
  const heads = Array.from({ length: 1000 }, () => takeHead());
  for (const head of heads) giveHeadBack(head);
  const again = new Set(Array.from({ length: 1000 }, () => takeHead()));
  t.equal(heads.filter((head) => again.has(head)).length, 1000);
});

test('the head of a request is used again after its connection has closed', async (t) => {
  const { port } = await open(t, { ...settings([]), tls: undefined });
  const head = takeHead();
  for (const [what, sent] of [
    ['its only response', 'GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n'],
    ['a refusal', 'GET / HTTP/1.1\r\n\r\n'],
    ['half a head', 'GET / HTTP/1.1\r\nHo'],
  ] as const) {
    giveHeadBack(head);
    const client = net.connect(port, '127.0.0.1').end(sent).resume();
    await within(once(client, 'close'), { what: 'the connection to close', seen: () => what });
    t.equal(takeHead(), head, what);
  }
});
