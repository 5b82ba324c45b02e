import t from 'tap';
import { Limits } from '../../src/limits/limits.ts';
import { MemoryLimitStore } from '../../src/limits/memory-limit-store.ts';
import type { PolicyAnswer, PolicyServices } from '../../src/policies/contract.ts';
import { BrowserJar } from '../tools/browser-jar.ts';
import { FakeClock } from '../tools/fake-clock.ts';
import { keptLogger, silentLogger } from '../tools/fake-logger.ts';
import { openIdServer } from '../tools/openid-server.ts';
import { policyServices } from '../tools/policy-services.ts';
import { FakeContext, faultsOf, policyOf } from './run-policy.ts';

const clientSecret = 'geheim-und:lang';
const callback = '/shop/.sluice/oidc/callback';
const logout = '/shop/.sluice/oidc/logout';

async function world(own: object = {}, clock = new FakeClock(), lent: Partial<PolicyServices> = {}) {
  const { logger, lines } = keptLogger();
  const server = await openIdServer(t, { id: 'gateway', secret: clientSecret });
  const services = policyServices({ clock, logger, ...lent });
  const entry = {
    oidc: { issuer: server.service.url, clientId: 'gateway', clientSecret, consumer: 'email', claims: { sub: 'x-user' }, ...own },
  };
  const gateway = (lent: PolicyServices = services) => policyOf(entry, 'proxyRequest', lent);
  const policy = gateway();
  t.teardown(() => policy.end?.());
  /** Sends a request of a browser, and keeps the cookies of the answer. */
  const visit = async (
    jar: BrowserJar,
    target: string,
    headers: Record<string, string> = {},
    more: { method?: string; secure?: boolean } = {},
  ) => {
    const cookie = jar.field;
    const context = new FakeContext({
      target,
      headers: { accept: 'text/html,*/*', ...(cookie !== undefined && { cookie }), ...headers },
      ...more,
    });
    const answer = await policy.run(context);
    const added =
      answer === undefined ? context.answers(200).headers.all('set-cookie') : ([answer.headers['set-cookie'] ?? []].flat() as string[]);
    jar.take(added);
    return { context, answer, code: codeOf(answer), location: String(answer?.headers['location'] ?? ''), added };
  };
  /** Goes to the provider and returns the path of the callback to which it sends the browser. */
  const atProvider = async (location: string) => {
    const response = await fetch(location, { redirect: 'manual' });
    const back = new URL(response.headers.get('location') ?? '');
    return back.pathname + back.search;
  };
  const login = async (jar: BrowserJar, target = '/shop/items?q=1') => {
    const begun = await visit(jar, target);
    return visit(jar, await atProvider(begun.location));
  };
  return { clock, lines, server, services, gateway, visit, atProvider, login };
}

function codeOf(answer: PolicyAnswer | undefined): string | undefined {
  if (answer === undefined) return undefined;
  return answer.status < 400 ? String(answer.status) : `${answer.status} ${JSON.parse(answer.body.toString()).code}`;
}

t.test('a browser logs in at the provider, returns to its page, and is known from then on', async (t) => {
  const { server, visit, atProvider, lines } = await world();
  const jar = new BrowserJar();
  const begun = await visit(jar, '/shop/items?q=1', {}, { secure: true });
  t.equal(begun.code, '302');
  t.equal(begun.answer?.headers['cache-control'], 'no-store');
  const asked = new URL(begun.location).searchParams;
  t.match(Object.fromEntries(asked), {
    response_type: 'code',
    client_id: 'gateway',
    redirect_uri: `https://a${callback}`,
    scope: 'openid profile email',
    code_challenge_method: 'S256',
    code_challenge: /^[\w-]{43}$/,
    nonce: /^[\w-]{43}$/,
  });
  t.notOk(asked.has('prompt'), 'the provider decides what it asks for');
  t.match(begun.added, [/^sluice-oidc-[0-9a-f]{8}-login=[^;]+; Path=\/shop; Max-Age=600; HttpOnly; SameSite=Lax; Secure$/]);
  const finished = await visit(jar, await atProvider(begun.location), {}, { secure: true });
  t.equal(finished.code, '302');
  t.equal(finished.location, 'https://a/shop/items?q=1');
  t.match(finished.added[0], /^sluice-oidc-[0-9a-f]{8}=1\.[\w-]+; Path=\/shop; Max-Age=28800; HttpOnly; SameSite=Lax; Secure$/);
  t.equal(jar.cookies.size, 1, 'the cookie of the login is gone');
  jar.cookies.set('other', 'stays');
  const { context, answer } = await visit(jar, '/shop/items?q=1', { 'x-user': 'root' });
  t.equal(answer, undefined);
  t.match(context.caller, { consumer: 'anna@example.com', claims: { sub: 'anna' } });
  t.equal(context.request.headers.get('x-user'), 'anna');
  t.equal(context.request.headers.get('cookie'), 'other=stays', 'the target gets its own cookies only');
  t.notMatch(
    [...jar.cookies.values()].join() + JSON.stringify([begun, finished]),
    /geheim|anna|access-|refresh-/,
    'nobody can read the session',
  );
  t.same(server.grants, ['authorization_code']);
  t.same(lines, []);
});

t.test('scripts get 401 rather than a redirect', async (t) => {
  const { visit, server } = await world();
  const cases: [headers: Record<string, string>, method?: string][] = [
    [{ accept: 'application/json' }],
    [{ accept: '*/*' }],
    [{ 'x-requested-with': 'XMLHttpRequest' }],
    [{ 'sec-fetch-mode': 'cors' }],
    [{ upgrade: 'websocket' }],
    [{}, 'POST'],
    [{}, 'HEAD'],
  ];
  for (const [headers, method = 'GET'] of cases) {
    const { code, answer } = await visit(new BrowserJar(), '/shop/', headers, { method });
    t.equal(code, '401 login-needed', JSON.stringify(headers));
    t.ok(answer?.headers['www-authenticate']);
  }
  t.equal(server.service.asked.length, 0);
});

t.test('a login counts once, in the browser that has begun it, and in time', async (t) => {
  const { visit, atProvider, clock, server } = await world();
  const [victim, attacker] = [new BrowserJar(), new BrowserJar()];
  const begun = await visit(attacker, '/shop/');
  const back = await atProvider(begun.location);
  t.equal((await visit(victim, back)).code, '400 login-unknown', 'a browser without its cookie');
  await visit(victim, '/shop/');
  t.equal((await visit(victim, back)).code, '400 login-unknown', 'a browser with another login');
  t.equal(server.grants.length, 0);
  const changed = back.replace(/state=(.)/, (_, first: string) => `state=${first === 'A' ? 'B' : 'A'}`);
  for (const wrong of [changed, `${back}&state=x`, back.replace(/state=.*/, ''), callback, `${callback}?state=%00`])
    t.equal((await visit(attacker, wrong)).code, '400 login-unknown', wrong.slice(0, 60));
  t.equal((await visit(attacker, back.replace(/code=[^&]*/, 'code=guess'))).code, '403 login-refused', 'another code');
  t.equal((await visit(attacker, `${back}&code=x`)).code, '403 login-invalid', 'two codes');
  t.equal((await visit(attacker, back)).code, '302');
  const session = attacker.field;
  t.equal((await visit(attacker, back)).code, '302', 'a reload leads to the page');
  t.equal(attacker.field, session, 'and makes no new session');
  t.equal(server.grants.filter((one) => one === 'authorization_code').length, 2);
  t.equal((await visit(new BrowserJar(), back)).code, '400 login-unknown', 'another browser gets no session of it');
  const late = await visit(victim, '/shop/');
  const lateBack = await atProvider(late.location);
  await clock.pass(600_000);
  t.equal((await visit(victim, lateBack)).code, '400 login-unknown', 'ten minutes later');
});

t.test('two tabs log in side by side', async (t) => {
  const { visit, atProvider } = await world();
  const jar = new BrowserJar();
  const tabs = [await visit(jar, '/shop/one'), await visit(jar, '/shop/two')];
  for (const [index, { location }] of tabs.entries()) {
    const { code, location: page } = await visit(jar, await atProvider(location));
    t.equal(code, '302');
    t.equal(page, `http://a/shop/${['one', 'two'][index]}`);
  }
});

t.test('no login leads to another host', async (t) => {
  const { login, visit } = await world();
  for (const target of ['//evil.example/shop', '/\\evil.example', '/shop/?next=https://evil.example', `/shop/${'x'.repeat(3000)}`]) {
    const { location } = await login(new BrowserJar(), target);
    t.equal(new URL(location).host, 'a', target.slice(0, 50));
  }
  const { location } = await visit(new BrowserJar(), `${logout}?post_logout_redirect_uri=https://evil.example`);
  t.equal(new URL(location).searchParams.get('post_logout_redirect_uri'), 'http://a/shop/');
});

t.test('cookies that are changed, mixed or too old are no session', async (t) => {
  const { login, visit, clock, server } = await world({ maxAge: '1h' });
  server.user = { sub: 'anna', note: 'x'.repeat(9000) };
  const jar = new BrowserJar();
  await login(jar);
  t.ok(jar.cookies.size > 2, 'a large session is in several cookies');
  const whole = new Map(jar.cookies);
  const ask = async (change: (cookies: Map<string, string>) => void) => {
    const other = new BrowserJar();
    for (const [name, value] of whole) other.cookies.set(name, value);
    change(other.cookies);
    return (await visit(other, '/shop/', { accept: '*/*' })).code;
  };
  const [first = '', second = ''] = [...whole.keys()];
  t.equal(await ask(() => {}), undefined);
  const flip = (text = '', at = 10) => text.slice(0, at) + (text[at] === 'A' ? 'B' : 'A') + text.slice(at + 1);
  t.equal(await ask((cookies) => cookies.set(first, flip(cookies.get(first)))), '401 login-needed', 'a changed character');
  t.equal(await ask((cookies) => cookies.set(second, flip(cookies.get(second), 99))), '401 login-needed', 'in the second cookie');
  t.equal(await ask((cookies) => cookies.delete(second)), '401 login-needed', 'without the second cookie');
  t.equal(await ask((cookies) => cookies.set(first, cookies.get(first)?.replace(/^\d/, '1') ?? '')), '401 login-needed', 'the first alone');
  t.equal(await ask((cookies) => cookies.set(first, '9.x')), '401 login-needed');
  t.equal(await ask((cookies) => cookies.set(first, '')), '401 login-needed');
  t.equal(await ask((cookies) => cookies.set(`${first}.7`, 'stale')), undefined, 'a cookie that belongs to no session');
  server.user = { sub: 'anna' };
  jar.cookies.set(first, flip(whole.get(first)));
  const shorter = await login(jar);
  t.equal(jar.cookies.size, 1, 'a shorter session removes the cookies of the longer one');
  t.ok(shorter.added.some((line) => line.startsWith(`${second}=; `) && line.includes('Max-Age=0')));
  const other = await world({ cookieSecret: 'x'.repeat(32) });
  t.equal((await other.visit(jar, '/shop/', { accept: '*/*' })).code, '401 login-needed', 'another secret');
  await clock.pass(3_600_000);
  t.equal((await visit(jar, '/shop/', { accept: '*/*' })).code, '401 login-needed', 'the session has ended');
});

t.test('tokens are refreshed once, although many requests come at a time', async (t) => {
  const { login, visit, server, clock } = await world({ accessToken: true });
  const jar = new BrowserJar();
  await login(jar);
  const before = (await visit(jar, '/shop/')).context.request.headers.get('authorization');
  t.match(before, /^Bearer access-/);
  const old = new BrowserJar();
  for (const [name, value] of jar.cookies) old.cookies.set(name, value);
  await clock.pass(291_000);
  const answers = await Promise.all(Array.from({ length: 10 }, () => visit(jar, '/shop/', { accept: '*/*' })));
  t.ok(answers.every(({ code }) => code === undefined));
  t.same(server.grants, ['authorization_code', 'refresh_token']);
  const tokens = new Set(answers.map(({ context }) => context.request.headers.get('authorization')));
  t.equal(tokens.size, 1);
  t.not([...tokens][0], before);
  t.match((await visit(old, '/shop/')).code, undefined, 'a request with the old cookie gets the same tokens');
  t.equal((await visit(jar, '/shop/')).code, undefined);
  t.equal(server.grants.length, 2);

  await clock.pass(300_000);
  server.user = { sub: 'eve' };
  t.equal((await visit(jar, '/shop/', { accept: '*/*' })).code, '401 login-needed', 'tokens of another user end the session');
  t.equal((await visit(new BrowserJar(), '/shop/')).code, '302');
});

t.test('a server whose refresh comes too late goes on with the old tokens until they expire', async (t) => {
  const { login, visit, gateway, clock, server, services } = await world({ accessToken: true });
  const jar = new BrowserJar();
  await login(jar);
  const cookie = jar.field ?? '';
  const other = gateway(policyServices({ clock, logger: services.logger }));
  t.teardown(() => other.end?.());
  const atOther = async () => {
    const context = new FakeContext({ target: '/shop/', headers: { cookie, accept: '*/*' } });
    return codeOf((await other.run(context)) ?? undefined);
  };
  await clock.pass(275_000);
  t.equal((await visit(jar, '/shop/')).code, undefined);
  t.equal(await atOther(), undefined);
  t.same(server.grants, ['authorization_code', 'refresh_token', 'refresh_token']);
  await clock.pass(25_000);
  t.equal(await atOther(), '401 login-needed');
});

t.test('two gateway servers use a refresh token once between them, and end no session by it', async (t) => {
  for (const accessToken of [false, true]) {
    const clock = new FakeClock();
    const store = new MemoryLimitStore(clock);
    const lent = (gateway: string) => {
      const limits = new Limits({ store, gateway, environment: () => 'production', clock, random: () => 0.5, logger: silentLogger });
      t.teardown(() => limits.close());
      return { limits };
    };
    const { login, gateway, server } = await world({ accessToken }, clock, lent('a'));
    const servers = ['b', 'c'].map((name) => gateway(policyServices({ clock, ...lent(name) })));
    const jar = new BrowserJar();
    await login(jar);
    const at = (index: number) => {
      const context = new FakeContext({ target: '/shop/', headers: { cookie: jar.field ?? '', accept: '*/*' } });
      return Promise.resolve(servers[index]?.run(context)).then((answer) => codeOf(answer ?? undefined));
    };
    // A page is opened again long after the access token has expired, with many requests at a time.
    await clock.pass(2_000_000);
    const codes = await Promise.all([0, 1, 0, 1].map(at));
    t.same(server.grants, ['authorization_code', 'refresh_token'], 'the provider sees no second use');
    const late = accessToken ? '503 login-refreshing' : undefined;
    t.same([...codes].sort(), [late, late, undefined, undefined].sort(), 'a target that needs a token gets the request a moment later');
    // One that never got the new cookies has to log in again, except at the server that still knows the answer.
    await clock.pass(40_000);
    t.same([await at(0), await at(1)].sort(), ['401 login-needed', undefined]);
    for (const each of servers) each.end?.();
  }
});

t.test('claims that the ID token lacks come from the userinfo endpoint', async (t) => {
  const { login, visit, server, clock, lines } = await world({ claims: { 'org.unit': 'x-unit' } });
  server.user = { sub: 'anna' };
  server.profile = { json: { sub: 'anna', email: 'anna@example.com', org: { unit: 'sales' } } };
  const asked = () => server.service.asked.filter(({ url }) => url.pathname === '/profile').length;
  const jar = new BrowserJar();
  await login(jar);
  const told = async (jar: BrowserJar) => {
    const { context, code } = await visit(jar, '/shop/', { 'x-unit': 'root' });
    return code ?? `${context.caller?.consumer} ${context.request.headers.get('x-unit')}`;
  };
  t.equal(await told(jar), 'anna@example.com sales');
  t.equal(asked(), 1, 'once a login, not once a request');
  server.profile = { json: { sub: 'anna', email: 'anna@example.com', org: { unit: 'board' } } };
  await clock.pass(300_000);
  t.equal(await told(jar), 'anna@example.com board', 'a refresh asks anew');
  server.profile = { status: 502, text: '' };
  await clock.pass(300_000);
  t.equal(await told(jar), 'anna@example.com board', 'a refresh without an answer keeps them');
  t.match(lines, [{ reason: 'answered 502' }]);
  t.equal((await login(new BrowserJar())).code, '503 login-unavailable', 'a login without an answer can be tried again');

  server.profile = { json: { sub: 'eve', email: 'eve@example.com', org: { unit: 'board' } } };
  const second = new BrowserJar();
  await login(second);
  t.equal(await told(second), 'undefined undefined', 'claims of another user are not used');
  server.user = { sub: 'anna', email: 'anna@example.com', org: { unit: 'sales' } };
  const before = asked();
  const third = new BrowserJar();
  await login(third);
  t.equal(await told(third), 'anna@example.com sales');
  t.equal(asked(), before, 'an ID token with all of them is enough');
});

t.test('while the provider is away', async (t) => {
  const { login, visit, server, clock, lines } = await world();
  const demanding = await world({ accessToken: true });
  const [jar, other] = [new BrowserJar(), new BrowserJar()];
  await login(jar);
  await demanding.login(other);
  for (const { service } of [server, demanding.server]) service.answer = () => ({ status: 502, text: clientSecret });
  await clock.pass(300_000);
  await demanding.clock.pass(300_000);
  t.equal((await visit(jar, '/shop/')).code, undefined, 'a session goes on');
  t.equal((await demanding.visit(other, '/shop/')).code, '503 login-unavailable', 'but not if the target needs a new token');
  t.notMatch(JSON.stringify(lines), /geheim|anna|refresh-/);
  const impatient = await world({ timeout: '50ms' });
  impatient.server.service.answer = () => 'hang';
  t.equal((await impatient.visit(new BrowserJar(), '/shop/')).code, '503 login-unavailable', 'no login without its description');
});

t.test('answers of the provider that are not right let no one in', async (t) => {
  const { login, server, lines } = await world();
  const codeWith = async (change: Partial<typeof server>) => {
    const before = { forge: server.forge, signsWrongly: server.signsWrongly, refuses: server.refuses };
    Object.assign(server, change);
    const { code } = await login(new BrowserJar());
    Object.assign(server, before);
    return code;
  };
  t.equal(await codeWith({ refuses: true }), '403 login-refused');
  t.equal(await codeWith({ signsWrongly: true }), '403 login-invalid');
  t.equal(await codeWith({ forge: (claims) => ({ ...claims, nonce: 'other' }) }), '403 login-invalid');
  t.equal(await codeWith({ forge: (claims) => ({ ...claims, iss: 'https://other.example' }) }), '403 login-invalid');
  t.equal(await codeWith({ forge: (claims) => ({ ...claims, aud: 'other' }) }), '403 login-invalid');
  t.equal(await codeWith({ forge: (claims) => ({ ...claims, exp: 1 }) }), '403 login-invalid');
  t.equal(await codeWith({}), '302');
  t.notMatch(JSON.stringify(lines), /geheim|access-|refresh-|eyJ/);
});

t.test('logging out ends the session here and at the provider', async (t) => {
  const { login, visit, server } = await world();
  const jar = new BrowserJar();
  await login(jar);
  const { code, location } = await visit(jar, logout);
  t.equal(code, '302');
  t.equal(location, `${server.service.url}/end?client_id=gateway&post_logout_redirect_uri=http%3A%2F%2Fa%2Fshop%2F`);
  t.equal(jar.cookies.size, 0);
});

t.test('gateway servers with the same settings know the sessions of each other', async (t) => {
  const { login, gateway } = await world();
  const jar = new BrowserJar();
  await login(jar);
  const other = gateway(policyServices());
  const context = new FakeContext({ target: '/shop/', headers: { cookie: jar.field ?? '' } });
  t.equal(await other.run(context), undefined);
  t.match(context.caller, { consumer: 'anna@example.com' });
});

t.test('faulty settings are refused', async (t) => {
  const good = { issuer: 'https://login.example', clientId: 'a', clientSecret: 'b' };
  const faults = (settings: unknown) => faultsOf({ oidc: settings }).join();
  t.equal(faults(good), '');
  for (const name of Object.keys(good)) t.match(faults({ ...good, [name]: undefined }), new RegExp(`oidc\\.${name}`));
  t.match(faults({ ...good, issuer: 'login.example' }), /issuer: must be a URL/);
  t.match(faults({ ...good, cookieSecret: 'short' }), /at least 32 characters/);
  t.notMatch(faults({ ...good, cookieSecret: 'short' }), /short/);
  t.match(faults({ ...good, maxAge: '1s' }), /maxAge: must be at least 1m/);
  t.match(faults({ ...good, scopes: ['a b'] }), /scopes\.0/);
  t.equal(faults({ ...good, prompt: 'consent' }), '');
  t.match(faults({ ...good, prompt: 'none' }), /prompt/);
  t.match(faults({ ...good, scope: ['a'] }), /did you mean "scopes"/);
});
