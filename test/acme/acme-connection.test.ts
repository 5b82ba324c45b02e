import { createHmac, createPublicKey, generateKeyPairSync, verify } from 'node:crypto';
import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import https from 'node:https';
import type { AddressInfo } from 'node:net';
import { type Test, test } from 'tap';
import { AcmeConnection, retryDate } from '../../src/acme/acme-connection.ts';
import { externalBinding, keyAuthorization, publicJwk, signed } from '../../src/acme/json-web-signature.ts';
import { temporaryCertificate } from '../../src/acme/temporary-certificates.ts';
import { FakeClock } from '../tools/fake-clock.ts';

const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });

type Answering = (request: IncomingMessage, body: string, response: ServerResponse) => void;

/** An authority whose answers to signed requests the test gives. */
async function start(t: Test, answer: Answering) {
  const { chain: ca, key } = temporaryCertificate('localhost', Date.now());
  let nonces = 0;
  const server = https.createServer({ cert: ca, key }, async (request, response) => {
    let body = '';
    for await (const piece of request) body += piece;
    const url = (path: string) => `https://${request.headers.host}/${path}`;
    response.setHeader('replay-nonce', `nonce${++nonces}`);
    if (request.url === '/dir')
      response.end(JSON.stringify({ newNonce: url('nonce'), newAccount: url('account'), newOrder: url('order') }));
    else if (request.url === '/nonce') response.end();
    else answer(request, body, response);
  });
  server.listen(0, 'localhost');
  await once(server, 'listening');
  t.teardown(() => {
    server.close();
    server.closeAllConnections();
  });
  const base = `https://localhost:${(server.address() as AddressInfo).port}`;
  const connect = (path = '/dir', trusted = ca) => {
    const connection = new AcmeConnection({ url: base + path, ca: trusted }, new FakeClock(), new AbortController().signal);
    t.teardown(() => connection.close());
    return connection;
  };
  return { base, connect };
}

function decoded(part: string): Record<string, unknown> {
  return JSON.parse(Buffer.from(part, 'base64url').toString()) as Record<string, unknown>;
}

test('a request whose nonce is refused is sent again with the one that came with the refusal', async (t) => {
  const seen: Record<string, unknown>[] = [];
  const { base, connect } = await start(t, (_request, body, response) => {
    const { protected: header } = JSON.parse(body) as { protected: string };
    seen.push(decoded(header));
    if (seen.length < 4) response.writeHead(400).end(JSON.stringify({ type: 'urn:ietf:params:acme:error:badNonce', detail: 'used' }));
    else response.writeHead(201, { location: `${base}/account/1`, 'retry-after': '7' }).end('{}');
  });
  const answer = await connect().post(`${base}/account`, {}, { key: privateKey });
  t.match(answer, { body: '{}', location: `${base}/account/1`, retryAt: 1_700_000_007_000 });
  t.strictSame(
    seen.map(({ nonce }) => nonce),
    ['nonce2', 'nonce3', 'nonce4', 'nonce5'],
  );
  t.match(seen[0], { alg: 'ES256', url: `${base}/account`, jwk: publicJwk(privateKey) });
});

test('an authority that refuses, is broken, or is no authority', async (t) => {
  let answer: Answering = () => {};
  const { base, connect } = await start(t, (...given) => answer(...given));
  const ask = () => connect().post(`${base}/order`, {}, { key: privateKey, url: `${base}/account/1` });
  answer = (_request, _body, response) =>
    response
      .writeHead(429, { 'retry-after': '3600' })
      .end(JSON.stringify({ type: 'urn:ietf:params:acme:error:rateLimited', detail: 'slow down' }));
  await t.rejects(ask(), { general: true, retryAt: 1_700_003_600_000, message: /slow down/ });
  answer = (_request, _body, response) => response.writeHead(503, { 'retry-after': 'Wed, 15 Nov 2023 00:00:00 GMT' }).end('<html>');
  await t.rejects(ask(), { general: true, retryAt: Date.UTC(2023, 10, 15), message: /answered with status 503/ });
  answer = (_request, _body, response) => response.writeHead(200, { 'content-length': 2_000_000 }).end(Buffer.alloc(2_000_000));
  await t.rejects(ask(), /longer than 1 MiB/);
  answer = (_request, _body, response) => response.writeHead(400).end(JSON.stringify({ type: 'urn:ietf:params:acme:error:badNonce' }));
  await t.rejects(ask(), /\(badNonce\)/, 'not for ever');
  await t.rejects(connect('/order').directory(), /\(badNonce\)|is not the directory/);
  await t.rejects(connect('/dir', temporaryCertificate('other', Date.now()).chain).directory(), {
    general: true,
    message:
      /cannot be reached \((DEPTH_ZERO_SELF_SIGNED_CERT|SELF_SIGNED.*|UNABLE_.*)\): its certificate is not trusted here: name .* in tls.acme.ca/,
  });
  t.strictSame(
    [undefined, '', 'soon', '-1', '5'].map((field) => retryDate(field, 10)),
    [undefined, undefined, undefined, undefined, 5010],
  );
});

test('signatures are those of RFC 7515, bindings those of RFC 8555', async (t) => {
  const { protected: header, payload, signature } = signed({ nonce: 'n' }, { a: 1 }, privateKey);
  const key = { key: createPublicKey(privateKey), dsaEncoding: 'ieee-p1363' } as const;
  t.ok(verify('sha256', Buffer.from(`${header}.${payload}`), key, Buffer.from(signature, 'base64url')));
  t.equal(signed({}, undefined, privateKey).payload, '', 'POST-as-GET');
  const bound = externalBinding('id', 'c2VjcmV0', 'https://ca.example/account', privateKey);
  t.match(decoded(bound.protected), { alg: 'HS256', kid: 'id', url: 'https://ca.example/account' });
  t.strictSame(decoded(bound.payload), publicJwk(privateKey));
  t.equal(bound.signature, createHmac('sha256', 'secret').update(`${bound.protected}.${bound.payload}`).digest('base64url'));
  t.match(keyAuthorization('token', privateKey), /^token\.[\w-]{43}$/);
});

test('an authority that gives what is no https URL is refused with the value, and a relative Location is completed', async (t) => {
  const { base, connect } = await start(t, (_request, _body, response) => response.writeHead(201, { location: '/account/1' }).end('{}'));
  const connection = connect();
  const signer = { key: privateKey, url: `${base}/account/1` };
  const long = `order/${'x'.repeat(5000)}`;
  for (const url of [
    '',
    'order/1',
    '/order/1',
    'http://localhost/order',
    'file:///order',
    'https://',
    'https://localhost:99999/',
    '\n',
    long,
  ])
    await t.rejects(
      connection.post(url, {}, signer),
      { name: 'Error', general: true, message: /^the authority gave "[^\n]{0,310}" in place of/ },
      url,
    );
  t.equal((await connection.post(`${base}/account`, {}, signer)).location, `${base}/account/1`);
});
