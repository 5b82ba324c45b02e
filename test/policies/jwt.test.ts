import { createHmac } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type CryptoKey, exportJWK, exportSPKI, generateKeyPair, type JWK, type JWTPayload, SignJWT } from 'jose';
import t from 'tap';
import { OutboundHttp } from '../../src/gateway/outbound-http.ts';
import { AddressGuard } from '../../src/model/address-guard.ts';
import { eventually } from '../tools/eventually.ts';
import { FakeClock } from '../tools/fake-clock.ts';
import { keptLogger } from '../tools/fake-logger.ts';
import { type JsonService, jsonService } from '../tools/json-service.ts';
import { ownFolder } from '../tools/own-folder.ts';
import { policyServices } from '../tools/policy-services.ts';
import { FakeContext, faultsOf, policyOf } from './run-policy.ts';

interface Key {
  readonly privateKey: CryptoKey;
  readonly publicKey: CryptoKey;
  readonly jwk: JWK;
}

async function keyOf(alg: string, kid: string, own: JWK = {} as JWK): Promise<Key> {
  const { privateKey, publicKey } = await generateKeyPair(alg, { extractable: true });
  return { privateKey, publicKey, jwk: { ...(await exportJWK(publicKey)), kid, use: 'sig', ...own } };
}

const rsa = await keyOf('RS256', 'one', { alg: 'RS256' } as JWK);
const next = await keyOf('ES256', 'two');
const stranger = await keyOf('RS256', 'one');

const clock = new FakeClock();
const now = Math.floor(clock.date() / 1000);

function tokenOf(claims: JWTPayload = {}, { key = rsa, alg = 'RS256', header = {} }: { key?: Key; alg?: string; header?: object } = {}) {
  const kid = key.jwk.kid as string;
  const whole = { sub: 'anna', iss: 'https://issuer.example', aud: 'orders', exp: now + 600, ...claims };
  return new SignJWT(whole).setProtectedHeader({ alg, kid, ...header }).sign(key.privateKey);
}

function keysAt(service: JsonService, ...keys: Key[]): void {
  service.answer = () => ({ json: { keys: keys.map(({ jwk }) => jwk) } });
}

async function world(own: object = {}, services = policyServices({ clock })) {
  const issuer = await jsonService(t);
  keysAt(issuer, rsa);
  const policy = policyOf({ jwt: { jwks: `${issuer.url}/keys?secret=1`, ...own } }, 'proxyRequest', services);
  t.teardown(() => policy.end?.());
  const ask = async (token: string | undefined, headers: Record<string, string> = {}) => {
    const context = new FakeContext({ headers: { ...(token !== undefined && { authorization: `Bearer ${token}` }), ...headers } });
    const answer = await policy.run(context);
    return { context, answer, code: answer && `${answer.status} ${JSON.parse(answer.body.toString()).code}` };
  };
  return { issuer, policy, ask };
}

t.test('lets good tokens pass, and refuses all others as RFC 6750 says', async (t) => {
  const { ask } = await world({ issuer: 'https://issuer.example', audience: ['orders', 'stock'], consumer: 'sub' });
  const { context, code } = await ask(await tokenOf());
  t.equal(code, undefined);
  t.match(context.caller, { consumer: 'anna', claims: { sub: 'anna', aud: 'orders' } });
  t.ok(context.request.headers.get('authorization'), 'the target gets the token');
  t.equal((await ask(await tokenOf({ aud: ['other', 'stock'] }))).code, undefined, 'one audience of several');
  t.equal((await ask(await tokenOf({ exp: now - 29 }))).code, undefined, 'expired within the leeway');
  t.equal((await ask(await tokenOf({ nbf: now + 29 }))).code, undefined, 'early within the leeway');

  const hs256 = async (secret: string) => {
    const part = (json: object) => Buffer.from(JSON.stringify(json)).toString('base64url');
    const text = `${part({ alg: 'HS256', kid: 'one' })}.${part({ sub: 'anna', iss: 'https://issuer.example', aud: 'orders', exp: now + 600 })}`;
    return `${text}.${createHmac('sha256', secret).update(text).digest('base64url')}`;
  };
  const good = await tokenOf();
  const [head, body, signature] = good.split('.') as [string, string, string];
  const none = Buffer.from('{"alg":"none","kid":"one"}').toString('base64url');
  const other = Buffer.from(JSON.stringify({ sub: 'root', exp: now + 600 })).toString('base64url');
  const own = { jwk: stranger.jwk, jku: 'http://127.0.0.1:1/keys', x5u: 'http://127.0.0.1:1/keys' };
  const cases: [name: string, token: string | undefined, expected: string][] = [
    ['no token', undefined, '401 token-missing'],
    ['expired', await tokenOf({ exp: now - 31 }), '401 token-expired'],
    ['not valid yet', await tokenOf({ nbf: now + 31 }), '401 token-early'],
    ['another issuer', await tokenOf({ iss: 'https://issuer.example/' }), '401 token-foreign'],
    ['another audience', await tokenOf({ aud: 'order' }), '401 token-foreign'],
    ['without exp', await tokenOf({ exp: undefined as unknown as number }), '401 token-incomplete'],
    ['exp is text', await tokenOf({ exp: 'never' as unknown as number }).catch(() => 'a.b.c'), '401 token-invalid'],
    ['without algorithm', `${none}.${body}.`, '401 token-invalid'],
    ['without algorithm, with the signature', `${none}.${body}.${signature}`, '401 token-invalid'],
    ['the public key as a secret, PEM', await hs256(await exportSPKI(rsa.publicKey)), '401 token-invalid'],
    ['the public key as a secret, JWK', await hs256(JSON.stringify(rsa.jwk)), '401 token-invalid'],
    ['another key with this kid', await tokenOf({}, { key: stranger }), '401 token-invalid'],
    ['another key, which the token names itself', await tokenOf({}, { key: stranger, header: own }), '401 token-invalid'],
    ['another algorithm of the key', await tokenOf({}, { alg: 'PS256', key: await pssWith(rsa) }), '401 token-invalid'],
    ['a kid that is a path', await tokenOf({}, { key: stranger, header: { kid: '../../../dev/null' } }), '401 token-invalid'],
    ['a kid that is no text', await tokenOf({}, { key: stranger, header: { kid: { $ne: 1 } } }).catch(() => 'a.b.c'), '401 token-invalid'],
    ['an unknown critical header', await critical(), '401 token-invalid'],
    ['another body', `${head}.${other}.${signature}`, '401 token-invalid'],
    ['cut off', good.slice(0, -3), '401 token-invalid'],
    ['huge', `${head}.${'A'.repeat(100_000)}.${signature}`, '401 token-invalid'],
    ['huge header', `${'A'.repeat(15_000)}.${body}.${signature}`, '401 token-invalid'],
    ['no token at all', 'hello', '401 token-invalid'],
    ['not the form of a token', 'a b', '401 token-missing'],
  ];
  for (const [name, token, expected] of cases) {
    const { answer, code, context } = await ask(token);
    t.equal(code, expected, name);
    const challenge = code === '401 token-missing' ? 'Bearer' : /^Bearer error="invalid_token", error_description="[^"]+"$/;
    t.match(answer?.headers['www-authenticate'], challenge, name);
    t.notMatch(answer?.body.toString(), /anna|eyJ/, name);
    t.equal(context.caller, undefined);
  }
  const twice = new FakeContext();
  for (let line = 0; line < 2; line++) twice.request.headers.add('Authorization', `Bearer ${good}`);
  const { policy } = await world();
  t.match(await policy.run(twice), { status: 400, headers: { 'www-authenticate': /error="invalid_request"/ } }, 'two lines');
});

/** A token with a header that verifiers must understand, and do not. */
function critical(): Promise<string> {
  const signed = new SignJWT({ sub: 'anna', iss: 'https://issuer.example', aud: 'orders', exp: now + 600 });
  return signed
    .setProtectedHeader({ alg: 'RS256', kid: 'one', crit: ['x-new'], 'x-new': 1 })
    .sign(rsa.privateKey, { crit: { 'x-new': true } });
}

/** The key with an algorithm for which it was not made. */
async function pssWith({ privateKey, jwk }: Key): Promise<Key> {
  const { importJWK } = await import('jose');
  const key = (await importJWK({ ...(await exportJWK(privateKey)) }, 'PS256')) as CryptoKey;
  return { privateKey: key, publicKey: key, jwk };
}

t.test('tells claims to the target in fields, and removes what the client sent in them', async (t) => {
  const claims = {
    sub: 'x-user',
    roles: 'X-Roles',
    'realm_access.level': 'x-level',
    'https://example.com/org': 'x-org',
    object: 'x-object',
    empty: 'x-empty',
    missing: 'x-missing',
  };
  const { ask } = await world({ claims });
  const spoofed = Object.fromEntries(Object.values(claims).map((field) => [field.toUpperCase(), 'spoofed']));
  const given = { sub: ' Zoë ☃\r\nx: 1 50%', roles: ['a,b', 'ç', 3], realm_access: { level: 7 }, object: { a: 'é' }, empty: '' };
  const { context } = await ask(await tokenOf({ ...given, 'https://example.com/org': 'o.1' }), spoofed);
  const sent = (name: string) => context.request.headers.all(name);
  t.same(sent('x-user'), ['%20Zo%C3%AB %E2%98%83%0D%0Ax: 1 50%25']);
  t.same(sent('x-roles'), ['a%2Cb,%C3%A7,3']);
  t.same(sent('x-level'), ['7']);
  t.same(sent('x-org'), ['o.1']);
  t.same(sent('x-object'), ['{"a":"%C3%A9"}']);
  t.same(sent('x-empty'), ['']);
  t.same(sent('x-missing'), []);
  const broken = await ask(await tokenOf({ sub: '\ud800a' }));
  t.match(broken.context.request.headers.get('x-user'), /^%EF%BF%BDa$/, 'half a character');
});

t.test('reads the token from another field or a cookie, and hides it on demand', async (t) => {
  const { ask } = await world({ header: 'x-token', cookie: 'session', forward: false });
  const token = await tokenOf();
  for (const headers of [{ 'X-Token': token }, { 'x-token': `bearer ${token}` }, { cookie: `a=b; session=${token}; c` }]) {
    const { code, context } = await ask(undefined, headers);
    t.equal(code, undefined);
    t.equal(context.request.headers.get('x-token'), undefined);
  }
  t.equal((await ask(token)).code, '401 token-missing');
  t.equal((await ask(undefined, { cookie: `session=${token}; session=${token.slice(1)}` })).code, '400 token-ambiguous');
});

t.test('verified tokens are remembered until they expire, and no longer than their key', async (t) => {
  const own = new FakeClock();
  const { issuer, policy, ask } = await world({ leeway: '0s' }, policyServices({ clock: own }));
  const token = await tokenOf({ exp: now + 120 });
  t.equal((await ask(token)).code, undefined);
  const again = () => policy.run(new FakeContext({ headers: { authorization: `Bearer ${token}` } }));
  t.equal(again(), undefined, 'at once');
  await own.pass(119_000);
  t.equal(again(), undefined);
  await own.pass(1000);
  t.match(await again(), { status: 401, headers: { 'www-authenticate': /has expired/ } });

  const longer = await tokenOf({ exp: now + 100_000 });
  t.equal((await ask(longer)).code, undefined);
  keysAt(issuer, next);
  await own.pass(700_000);
  await eventually(
    async () => (await ask(longer)).code,
    (code) => code === '401 token-invalid',
    { what: 'the token to be refused once its key is withdrawn' },
  );
});

t.test('an unknown key is looked up once, then not for a while', async (t) => {
  const own = new FakeClock();
  const { issuer, ask } = await world({}, policyServices({ clock: own }));
  t.equal((await ask(await tokenOf())).code, undefined);
  t.equal(issuer.asked.length, 1);
  keysAt(issuer, rsa, next);
  const rotated = await tokenOf({}, { key: next, alg: 'ES256' });
  t.same(
    (await Promise.all([ask(rotated), ask(rotated), ask(rotated)])).map(({ code }) => code),
    [undefined, undefined, undefined],
  );
  t.equal(issuer.asked.length, 2, 'several requests wait for one look');
  const unknown = await keyOf('ES256', 'three');
  const strange = await Promise.all(
    Array.from({ length: 20 }, async (_, index) => ask(await tokenOf({}, { key: unknown, alg: 'ES256', header: { kid: `no-${index}` } }))),
  );
  t.ok(strange.every(({ code }) => code === '401 token-invalid'));
  t.equal(issuer.asked.length, 2, 'names of keys that clients invent ask the issuer nothing');
  await own.pass(30_000);
  await ask(await tokenOf({}, { key: unknown, alg: 'ES256' }));
  t.equal(issuer.asked.length, 3);
  t.equal((await ask(await tokenOf())).code, undefined);
});

t.test('without any keys the answer is 503; keys stay while the issuer is away', async (t) => {
  const own = new FakeClock();
  const { logger, lines } = keptLogger();
  const { issuer, policy, ask } = await world({}, policyServices({ clock: own, logger }));
  issuer.answer = () => ({ status: 500, text: 'no' });
  t.equal((await ask(await tokenOf())).code, '503 token-keys-unavailable');
  t.match(lines, [{ msg: 'keys of tokens cannot be read', reason: /answered 500/ }]);
  t.notMatch(JSON.stringify(lines), /secret/, 'the query of the URL is not logged');
  keysAt(issuer, rsa);
  await own.pass(2000);
  const good = async () => (await ask(await tokenOf({ exp: now + 100_000, jti: String(Math.random()) }))).code;
  await eventually(good, (code) => code === undefined);
  for (const answer of [{ status: 503, text: '' }, { text: 'not json' }, { json: { keys: 'x' } }, { text: `"${'x'.repeat(2_000_000)}"` }]) {
    const before = issuer.asked.length;
    issuer.answer = () => answer;
    await own.pass(700_000);
    await eventually(
      () => issuer.asked.length,
      (count) => count > before,
    );
    t.equal(await good(), undefined, 'the keys of before are still used');
  }
  policy.end?.();
  await own.pass(60_000);
  t.equal(own.pending, 0, 'nothing is asked once the policy has ended');
});

t.test('a new revision finds keys and tokens of the one before', async (t) => {
  const services = policyServices({ clock });
  const { issuer, policy, ask } = await world({}, services);
  const token = await tokenOf();
  policy.begin?.();
  t.equal((await ask(token)).code, undefined);
  const revision = policyOf({ jwt: { jwks: `${issuer.url}/keys?secret=1` } }, 'proxyRequest', services);
  policy.end?.();
  revision.begin?.();
  t.equal(revision.run(new FakeContext({ headers: { authorization: `Bearer ${token}` } })), undefined);
  t.equal(issuer.asked.length, 1);
  revision.end?.();
});

t.test('keys without names, and keys of a file', async (t) => {
  const { kid: _, ...plain } = rsa.jwk;
  const { kid: __, ...strange } = stranger.jwk;
  const file = join(ownFolder(t), 'keys.json');
  writeFileSync(file, JSON.stringify({ keys: [strange, plain, { kty: 'oct', k: 'c2VjcmV0' }, { kty: 'new' }] }));
  const policy = policyOf({ jwt: { jwks: file } }, 'proxyRequest', policyServices({ clock }));
  const ask = async (token: string) => policy.run(new FakeContext({ headers: { authorization: `Bearer ${token}` } }));
  const unnamed = { ...rsa, jwk: plain };
  t.equal(await ask(await tokenOf({}, { key: unnamed })), undefined, 'each key is tried');
  t.match(await ask(await tokenOf({ exp: now - 100 }, { key: unnamed })), { headers: { 'www-authenticate': /expired/ } });
  t.match(await ask(await tokenOf({}, { key: await keyOf('RS256', 'x') })), { status: 401 });
  policy.end?.();
});

t.test('keys at an address that is denied are not asked for', async (t) => {
  const guarded = policyServices({ clock: new FakeClock(), outbound: new OutboundHttp(new AddressGuard(['loopback'])) });
  const { issuer, ask } = await world({}, guarded);
  t.equal((await ask(await tokenOf())).code, '503 token-keys-unavailable');
  t.equal(issuer.asked.length, 0);
});

t.test('faulty settings are refused', async (t) => {
  const jwks = 'https://issuer.example/keys';
  const faults = (settings: unknown) => faultsOf({ jwt: settings }).join();
  t.equal(faults({ jwks }), '');
  t.match(faults({}), /jwt\.jwks/);
  for (const wrong of ['keys.json', 'ftp://a/b', 'https://', '']) t.match(faults({ jwks: wrong }), /jwks: must be an http/);
  for (const wrong of ['none', 'HS256', 'RS255']) t.match(faults({ jwks, algorithms: [wrong] }), /algorithms\.0: must be one of RS256/);
  t.match(faults({ jwks, algorithms: [] }), /algorithms/);
  t.match(faults({ jwks, claims: { sub: 'content-length' } }), /claims\.sub: .*must not be changed/);
  t.match(faults({ jwks, claims: { sub: 'a b' } }), /not a header field name/);
  t.match(faults({ jwks, claims: { sub: 'x-a', name: 'X-A' } }), /given twice/);
  t.match(faults({ jwks, leeway: 'soon' }), /leeway: must be a time/);
  t.match(faults({ jwks, ca: 'no' }), /ca: /);
  t.match(faults({ jwks, audiences: 'a' }), /did you mean "audience"/);
});
