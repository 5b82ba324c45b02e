import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { request } from 'node:https';
import tls from 'node:tls';
import t from 'tap';
import { lackingForDirectTls } from '../../src/http1/connection/tls-internals.ts';
import { environmentSpec } from '../../src/model/environment.ts';
import { bindSocket } from '../../src/proxy/bound-socket.ts';
import type { Handler } from '../../src/proxy/contract.ts';
import { HttpListener } from '../../src/proxy/http-listener.ts';
import { readCertificate } from '../../src/tls/certificate.ts';
import { ticketKey } from '../../src/tls/ticket-key.ts';
import { CertificateFolder } from '../tools/certificate-folder.ts';

const { limits, timeouts } = environmentSpec.parse({});
const long = Buffer.alloc(8 * 1024 * 1024, 'sluice ');
/** Answers with a long body, which does not fit into the kernel's buffers. */
const handler: Handler = {
  request: (exchange) => exchange.respond(200, {}, long.toString()),
  fault: (error) => {
    throw error;
  },
};

/** The method of a TLSSocket that Node calls once for each, and its options. */
interface Inside {
  _init(this: { _tlsOptions: { isServer?: boolean } }, ...rest: unknown[]): void;
}

t.test('a handshake needs no TLSSocket on this Node.js, and its connection carries long bodies to their end', async (t) => {
  t.equal(lackingForDirectTls, undefined, process.version);
  const inside = tls.TLSSocket.prototype as unknown as Inside;
  const usual = inside._init;
  let atServer = 0;
  inside._init = function init(...rest) {
    if (this._tlsOptions.isServer) atServer++;
    usual.apply(this, rest);
  };
  t.teardown(() => Object.assign(inside, { _init: usual }));
  const certificate = readCertificate(new CertificateFolder(t).issue({ names: ['localhost'] }), '/', Date.now());
  const environments = [{ name: 'here', hosts: [], ticketKey: ticketKey(Buffer.alloc(32, 1), 'here') }];
  const given = { ...limits, timeouts, trustedProxies: [], tls: { certificates: [certificate], minVersion: '1.2', environments } } as const;
  const listener = new HttpListener('127.0.0.1:0', given, handler, undefined);
  await listener.open((await bindSocket('127.0.0.1:0')).handle);
  t.teardown(() => listener.close(0));
  const port = Number(listener.address.split(':')[1]);

  for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
    const asked = request({
      port,
      host: '127.0.0.1',
      agent: false,
      rejectUnauthorized: false,
      minVersion: version,
      maxVersion: version,
    }).end();
    const [response] = (await once(asked, 'response')) as [IncomingMessage];
    const pieces: Buffer[] = [];
    // Each piece is awaited, so that the client reads slowly.
    for await (const piece of response) {
      pieces.push(piece);
      await new Promise(setImmediate);
    }
    t.ok(Buffer.concat(pieces).equals(long), `${version}: the body is whole`);
  }
  t.equal(atServer, 0);

  const client = tls.connect({ port, host: '127.0.0.1', rejectUnauthorized: false });
  let heard = 0;
  client.on('data', (piece: Buffer) => {
    heard += piece.length;
  });
  client.write('GET / HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n');
  await once(client, 'end');
  t.ok(heard > long.length, 'the end came after the whole answer');
});
