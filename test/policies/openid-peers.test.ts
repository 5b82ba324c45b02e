import http from 'node:http';
import { OAuth2Issuer, OAuth2Service, type Payload } from 'oauth2-mock-server';
import t from 'tap';
import { systemClock } from '../../src/model/clock.ts';
import { FakeClock } from '../tools/fake-clock.ts';
import { listening } from '../tools/listening.ts';
import { oidcProvider } from '../tools/oidc-provider.ts';
import { policyServices } from '../tools/policy-services.ts';
import { serveProject } from './served-project.ts';

t.test('jwt: tokens of oauth2-mock-server, checked with the keys at its URL', async (t) => {
  const issuer = new OAuth2Issuer();
  const first = await issuer.keys.generate('RS256');
  const service = new OAuth2Service(issuer);
  let readings = 0;
  const peer = http.createServer((request, response) => {
    if (request.url === '/jwks') readings++;
    service.requestHandler(request, response);
  });
  issuer.url = `http://${await listening(t, peer)}`;
  const settings = { jwks: `${issuer.url}/jwks`, issuer: issuer.url, audience: 'orders', claims: { scope: 'x-scope' } };
  const served = await serveProject(t, { policies: { proxyRequest: [{ jwt: settings }] } }, policyServices({ clock: systemClock }));
  const ask = async (token: string) => {
    const { status, body } = await served.send('GET', '/shop/', { authorization: `Bearer ${token}`, 'x-scope': 'admin' });
    return status === 200 ? body : `${status} ${JSON.parse(body).code}`;
  };
  const tokenOf = (claims: Partial<Payload> = {}, kid = first.kid) =>
    issuer.buildToken({ kid, scopesOrTransform: (_, payload) => void Object.assign(payload, { sub: 'anna', aud: 'orders', ...claims }) });

  const response = await fetch(`${issuer.url}/token`, {
    method: 'POST',
    body: new URLSearchParams({ grant_type: 'client_credentials', scope: 'read', aud: 'orders' }),
  });
  const { access_token: granted } = (await response.json()) as { access_token: string };
  t.equal(await ask(granted), 'ok', 'a token of its token endpoint');
  t.equal(served.arrived[0]?.headers['x-scope'], 'read');

  const now = Math.floor(Date.now() / 1000);
  t.equal(await ask(await tokenOf({ aud: 'stock' })), '401 token-foreign', 'for another audience');
  t.equal(await ask(await tokenOf({ iss: 'http://127.0.0.1:1' })), '401 token-foreign', 'of another issuer');
  t.equal(await ask(await tokenOf({ exp: now - 31 })), '401 token-expired', 'expired before the leeway');
  t.equal(await ask(await tokenOf({ nbf: now + 60 })), '401 token-early');
  const [head, , signature] = granted.split('.');
  const changed = Buffer.from(JSON.stringify({ sub: 'root', aud: 'orders', iss: issuer.url, exp: now + 600 })).toString('base64url');
  t.equal(await ask(`${head}.${changed}.${signature}`), '401 token-invalid', 'with another body');
  t.equal(readings, 1);

  const next = await issuer.keys.generate('ES256');
  const rotated = await tokenOf({}, next.kid);
  t.same(await Promise.all([rotated, rotated, rotated].map(ask)), ['ok', 'ok', 'ok'], 'signed with a new key');
  t.equal(readings, 2, 'several requests wait for one reading of the keys');
  const stranger = new OAuth2Issuer();
  stranger.url = issuer.url;
  const { kid } = await stranger.keys.generate('ES256');
  const foreign = await stranger.buildToken({ kid, scopesOrTransform: (_, payload) => void Object.assign(payload, { aud: 'orders' }) });
  t.equal(await ask(foreign), '401 token-invalid', 'signed with a key that the issuer does not publish');
  t.equal(readings, 2, 'the next reading waits for the cool-down');
  t.equal(await ask(granted), 'ok');
  t.equal(served.arrived.length, 5, 'the target gets no request that was refused');
});

t.test('oauth2: tokens that oidc-provider calls active', async (t) => {
  const client = { id: 'gate way', secret: 'geheim:& 50%+' };
  const provider = await oidcProvider(t);
  await provider.register(client);
  const clock = new FakeClock();
  const url = `${provider.issuer}/token/introspection`;
  const oauth2 = { url, clientId: client.id, clientSecret: client.secret, consumer: 'client_id', claims: { client_id: 'x-app' } };
  const served = await serveProject(t, { policies: { proxyRequest: [{ oauth2 }] } }, policyServices({ clock }));
  const ask = async (token: string) => {
    const { status, body } = await served.send('GET', '/shop/', { authorization: `Bearer ${token}` });
    return status === 200 ? body : `${status} ${JSON.parse(body).code}`;
  };
  const formEncoded = (text: string) => new URLSearchParams({ '': text }).toString().slice(1);
  const basic = Buffer.from(`${formEncoded(client.id)}:${formEncoded(client.secret)}`).toString('base64');
  const post = (path: string, form: Record<string, string>) =>
    fetch(provider.issuer + path, { method: 'POST', headers: { authorization: `Basic ${basic}` }, body: new URLSearchParams(form) });
  const { access_token: token } = (await (await post('/token', { grant_type: 'client_credentials' })).json()) as { access_token: string };
  t.equal(await ask(token), 'ok');
  t.match(served.arrived, [{ headers: { 'x-app': 'gate way' } }]);
  t.equal(await ask(`${token}x`), '401 token-inactive', 'a token that the provider does not know');
  t.equal((await post('/token/revocation', { token })).status, 200);
  t.equal(await ask(token), 'ok', 'the answer about the token is remembered');
  await clock.pass(60_000);
  t.equal(await ask(token), '401 token-inactive', 'revoked');
  t.same(provider.faults, []);
});
