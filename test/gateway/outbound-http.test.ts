import { readFileSync } from 'node:fs';
import { createServer as createTlsServer } from 'node:https';
import { createServer, type Socket } from 'node:net';
import t from 'tap';
import { OutboundHttp } from '../../src/gateway/outbound-http.ts';
import { AddressGuard } from '../../src/model/address-guard.ts';
import { CertificateFolder } from '../tools/certificate-folder.ts';
import { jsonService } from '../tools/json-service.ts';
import { listening } from '../tools/listening.ts';

t.test('connections are kept, unless a request must not arrive twice', async (t) => {
  const outbound = new OutboundHttp();
  const service = await jsonService(t, ({ method }) => ({ json: { method } }));
  const send = (more: object = {}) => outbound.send({ url: `${service.url}/a?b`, ...more });
  t.equal((await send()).body.toString(), '{"method":"GET"}');
  t.equal((await send({ method: 'POST', body: 'ä=1' })).body.toString(), '{"method":"POST"}');
  await send({ method: 'POST', body: 'x', repeatable: false });
  await send();
  const [first, second, apart, third] = service.asked;
  t.match(second, { body: 'ä=1', connection: first?.connection });
  t.not(apart?.connection, first?.connection);
  t.equal(third?.connection, first?.connection);
});

t.test('a request is sent again if a kept connection was closed meanwhile, but none that must not arrive twice', async (t) => {
  let requests = 0;
  /** Answers the first request of each connection, and resets the connection at the second. */
  const address = await listening(
    t,
    createServer((socket: Socket) => {
      let answered = false;
      socket
        .on('error', () => {})
        .on('data', () => {
          requests++;
          if (answered) socket.resetAndDestroy();
          else socket.write('HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok');
          answered = true;
        });
    }),
  );
  const outbound = new OutboundHttp();
  const url = `http://${address}/`;
  for (let index = 0; index < 2; index++) t.equal((await outbound.send({ url })).body.toString(), 'ok');
  t.equal(requests, 3);
  t.equal((await outbound.send({ url, repeatable: false })).body.toString(), 'ok');
});

t.test('redirects are answers, and answers have bounds', async (t) => {
  const outbound = new OutboundHttp();
  const service = await jsonService(t, ({ url }) => {
    if (url.pathname === '/large') return { text: 'x'.repeat((1 << 20) + 1) };
    if (url.pathname === '/hang') return 'hang';
    return { status: 302, headers: { location: `${service.url}/large` }, text: '' };
  });
  t.match(await outbound.send({ url: service.url }), { status: 302, headers: { location: /large/ } });
  await t.rejects(outbound.send({ url: `${service.url}/large?token=geheim` }), { message: 'the answer has more than 1048576 octets' });
  await t.rejects(outbound.send({ url: `${service.url}/hang`, timeoutMs: 50 }), { message: 'no answer within 50 ms' });
  await t.rejects(outbound.send({ url: 'http://127.0.0.1:1/?token=geheim' }), { message: /^(?!.*geheim).*ECONNREFUSED/ });
});

t.test('more requests than there is room for are refused at once', async (t) => {
  const outbound = new OutboundHttp();
  const service = await jsonService(t, () => 'hang');
  const waiting = Array.from({ length: 1024 }, () =>
    outbound.send({ url: service.url, timeoutMs: 500 }).catch((error: Error) => error.message),
  );
  await t.rejects(outbound.send({ url: service.url }), { message: /1024 requests of policies run already/ });
  t.ok((await Promise.all(waiting)).every((message) => message === 'no answer within 500 ms'));
  service.answer = () => ({ json: 1 });
  t.equal((await outbound.send({ url: service.url })).status, 200);
});

t.test('denied addresses are not connected to, by whatever name', async (t) => {
  const outbound = new OutboundHttp(new AddressGuard(['loopback']));
  const service = await jsonService(t);
  const { port } = new URL(service.url);
  for (const host of ['127.0.0.1', 'localhost', '[::ffff:127.0.0.1]', '2130706433'])
    await t.rejects(outbound.send({ url: `http://${host}:${port}/` }), { message: /are denied on this gateway server/ }, host);
  t.equal(service.asked.length, 0);
});

t.test('TLS: certificates are checked against the public authorities, or those that are given', async (t) => {
  const certificates = new CertificateFolder(t);
  const { certificate, key } = certificates.issue({ names: ['localhost'] });
  const server = createTlsServer({ cert: readFileSync(certificate), key: readFileSync(key) }, (_request, response) => response.end('ok'));
  const port = (await listening(t, server)).split(':')[1];
  const ca = readFileSync(certificates.root.certificate, 'utf8');
  const outbound = new OutboundHttp();
  t.equal((await outbound.send({ url: `https://localhost:${port}/`, ca })).body.toString(), 'ok');
  await t.rejects(outbound.send({ url: `https://localhost:${port}/` }), { code: /VERIFY|SELF_SIGNED/ });
  await t.rejects(outbound.send({ url: `https://127.0.0.1:${port}/`, ca }), { code: 'ERR_TLS_CERT_ALTNAME_INVALID' });
});
