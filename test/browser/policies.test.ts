import http from 'node:http';
import t, { type Test } from 'tap';
import { serveProject } from '../policies/served-project.ts';
import { FakeClock } from '../tools/fake-clock.ts';
import { listening } from '../tools/listening.ts';
import { oidcProvider } from '../tools/oidc-provider.ts';
import { policyServices } from '../tools/policy-services.ts';
import { type Browser, startBrowser } from './browser.ts';

/** Chromium finds hosts of this domain at loopback, and no other by name: the provider's pages would fetch a font. */
const resolving = '--host-resolver-rules=MAP *.example 127.0.0.1, MAP * ~NOTFOUND, EXCLUDE 127.0.0.1';

t.test('policies that a browser takes part in', async (t) => {
  const browser = await startBrowser(t, [resolving]);
  await t.test('oidc: a person logs in at oidc-provider, works, and logs out', (t) => logIn(t, browser));
  await t.test('cors: pages of the origins that are set read answers, others do not', (t) => readAcross(t, browser));
});

async function logIn(t: Test, { page, context }: Browser): Promise<void> {
  const clock = new FakeClock();
  const provider = await oidcProvider(t);
  const oidc = {
    issuer: provider.issuer,
    clientId: 'intranet',
    clientSecret: 'geheim-und:lang',
    claims: { sub: 'x-user', email: 'x-email' },
    consumer: 'email',
    accessToken: true,
    // The provider gives a refresh token only with both, as OpenID Connect Core section 11 has it.
    scopes: ['email', 'offline_access'],
    prompt: 'consent' as const,
  };
  const served = await serveProject(t, { policies: { proxyRequest: [{ oidc }] } }, policyServices({ clock }));
  const site = at('shop', served.address);
  await provider.register({
    id: oidc.clientId,
    secret: oidc.clientSecret,
    redirectUris: [`${site}/shop/.sluice/oidc/callback`],
    logoutUris: [`${site}/shop/`],
  });
  served.answer = (_, response) => void response.setHeader('content-type', 'text/html').end('<title>Orders</title>');
  const arrived = () => served.arrived.filter(({ url }) => url.startsWith('/shop/orders') || url.startsWith('/orders'));

  await page.goto(`${site}/shop/orders?page=2`);
  t.equal(new URL(page.url()).origin, provider.issuer, 'the provider asks who it is');
  await page.getByPlaceholder('Enter any login').fill('anna');
  await page.getByPlaceholder('and password').fill('any');
  await page.getByRole('button', { name: 'Sign-in' }).click();
  await page.getByRole('button', { name: 'Continue' }).click();
  await page.waitForURL(`${site}/shop/orders?page=2`);
  t.equal(await page.title(), 'Orders');
  t.match(provider.logins[0], { code_challenge_method: 'S256', code_challenge: /^[\w-]{43}$/, nonce: /^[\w-]{43}$/, state: /./ });
  t.same(provider.grants, ['authorization_code']);
  const [first] = arrived();
  t.match(first?.headers, { 'x-user': 'anna', 'x-email': 'anna@example.com', authorization: /^Bearer \S+$/ });
  t.notMatch(first?.headers.cookie ?? '', /sluice-oidc/, 'the target does not get the session');

  const cookies = await context.cookies(`${site}/shop/`);
  t.match(cookies, [{ name: /^sluice-oidc-[0-9a-f]{8}$/, path: '/shop', httpOnly: true, sameSite: 'Lax' }]);
  const shown = cookies.map(({ value }) => value).join();
  t.notMatch(shown + Buffer.from(shown, 'base64url').toString('latin1'), /anna|example|geheim/, 'the cookie is encrypted');
  t.equal(await page.evaluate('document.cookie'), '');
  const cookie = cookies.map(({ name, value }) => `${name}=${value}`).join('; ');

  const script = await served.send('GET', '/shop/orders', { accept: 'application/json', host: new URL(site).host });
  t.match([script.status, JSON.parse(script.body)], [401, { code: 'login-needed' }]);
  t.equal(await page.evaluate("fetch('/shop/orders', { credentials: 'omit' }).then(({ status }) => status)"), 401, 'a script of a page');
  t.equal(await page.evaluate("fetch('/shop/orders').then(({ status }) => status)"), 200, 'a script of the page with the session');

  await clock.pass(300_000);
  const statuses = await page.evaluate(
    "Promise.all(Array.from({ length: 10 }, (_, index) => fetch('/shop/orders?' + index).then(({ status }) => status)))",
  );
  t.same(statuses, Array(10).fill(200));
  t.same(provider.grants, ['authorization_code', 'refresh_token'], 'ten requests refresh once');
  const refreshed = arrived().slice(-10);
  t.equal(new Set(refreshed.map(({ headers }) => headers.authorization)).size, 1);
  t.not(refreshed[0]?.headers.authorization, first?.headers.authorization);
  t.match(refreshed[0]?.headers, { 'x-user': 'anna', 'x-email': 'anna@example.com' });
  t.equal((await served.send('GET', '/shop/orders', { cookie })).status, 200, 'a request with the cookie of before');
  await clock.pass(300_000);
  await page.reload();
  t.equal(await page.title(), 'Orders');
  t.same(provider.grants.slice(2), ['refresh_token'], 'the new cookie has the refresh token that followed');
  t.same(provider.faults, [], 'no refresh token was used twice');

  await page.goto(`${site}/shop/.sluice/oidc/logout`);
  await page.getByRole('button', { name: 'Yes, sign me out' }).click();
  await page.getByPlaceholder('Enter any login').waitFor();
  t.same(
    (await context.cookies(`${site}/shop/`)).filter(({ name }) => !name.endsWith('-login')),
    [],
    'the session is gone',
  );

  await page.getByRole('link', { name: 'Cancel' }).click();
  await page.waitForURL(/callback/);
  t.match(await page.content(), /login-refused/, 'a login that the person cancels');
  t.same(served.lines, []);
}

async function readAcross(t: Test, { page }: Browser): Promise<void> {
  const pages = await listening(
    t,
    http.createServer((_, response) => void response.setHeader('content-type', 'text/html').end('<title>A page</title>')),
  );
  const cors = { origins: [at('app', pages)], methods: ['GET', 'PUT'], exposed: ['X-Total'] };
  const served = await serveProject(t, { policies: { proxyRequest: [{ apiKey: { keys: ['k'] } }, { cors }] } });
  served.answer = (_, response) => void response.setHeader('x-total', '7').setHeader('x-own', '1').end('ok');
  const ask = (method: string, key: string) => {
    const request = { method, headers: { 'x-api-key': key } };
    const url = `${at('api', served.address)}/shop/items`;
    const told = "async (answer) => [answer.status, answer.headers.get('x-total'), answer.headers.get('x-own')].join()";
    return page.evaluate(`fetch('${url}', ${JSON.stringify(request)}).then(${told}, ({ name }) => name)`);
  };
  await page.goto(at('app', pages));
  t.equal(await ask('PUT', 'k'), '200,7,', 'the field that is exposed, and no other');
  t.equal(await ask('GET', 'wrong'), '401,,', 'a refusal shows its status');
  t.equal(await ask('DELETE', 'k'), 'TypeError', 'a method that is not allowed');
  await page.goto(at('other', pages));
  t.equal(await ask('PUT', 'k'), 'TypeError', 'a page of another origin');
  t.same(
    served.arrived.map(({ method }) => method),
    ['PUT'],
    'preflights and what they forbid reach no target',
  );
}

/** URL of a listener at loopback under a host of the domain. */
function at(name: string, address: string): string {
  return `http://${name}.example:${address.split(':')[1]}`;
}
