import t from 'tap';
import { FakeClock } from '../tools/fake-clock.ts';
import { keptLogger } from '../tools/fake-logger.ts';
import { jsonService } from '../tools/json-service.ts';
import { policyServices } from '../tools/policy-services.ts';
import { FakeContext, faultsOf, policyOf } from './run-policy.ts';

const secret = 'geheim:& ä';

async function world(own: object = {}) {
  const clock = new FakeClock();
  const now = Math.floor(clock.date() / 1000);
  const { logger, lines } = keptLogger();
  const server = await jsonService(t, ({ body }) => ({
    json:
      new URLSearchParams(body).get('token') === 'good'
        ? { active: true, sub: 'anna', client_id: 'app', exp: now + 600 }
        : { active: false },
  }));
  const entry = { oauth2: { url: `${server.url}/introspect`, clientId: 'gate way', clientSecret: secret, ...own } };
  const services = policyServices({ clock, logger });
  const policy = policyOf(entry, 'proxyRequest', services);
  t.teardown(() => policy.end?.());
  const run = (token: string, headers: Record<string, string> = {}) => {
    const context = new FakeContext({ headers: { authorization: `Bearer ${token}`, ...headers } });
    return { context, decision: policy.run(context) };
  };
  const ask = async (token: string, headers: Record<string, string> = {}) => {
    const { context, decision } = run(token, headers);
    const answer = await decision;
    return { context, answer, code: answer && `${answer.status} ${JSON.parse(answer.body.toString()).code}` };
  };
  return { clock, now, lines, server, run, ask };
}

t.test('asks the authorization server about a token once, and tells who calls', async (t) => {
  const { server, run, ask, clock, lines } = await world({ consumer: 'client_id', claims: { sub: 'x-user' } });
  const answers = await Promise.all([ask('good', { 'x-user': 'root' }), ask('good'), ask('good')]);
  t.same(
    answers.map(({ code }) => code),
    [undefined, undefined, undefined],
  );
  t.match(answers[0]?.context.caller, { consumer: 'app', claims: { sub: 'anna' } });
  t.equal(answers[0]?.context.request.headers.get('x-user'), 'anna');
  t.equal(server.asked.length, 1, 'requests at the same time wait for one question');
  const [{ method, headers, body } = { method: '', headers: {}, body: '' }] = server.asked;
  t.equal(method, 'POST');
  t.equal(Buffer.from(headers.authorization?.replace('Basic ', '') ?? '', 'base64').toString(), 'gate+way:geheim%3A%26+%C3%A4');
  t.equal(new URLSearchParams(body).get('token'), 'good');
  t.equal(run('good').decision, undefined, 'at once');
  await clock.pass(60_000);
  t.equal((await ask('good')).code, undefined);
  t.equal(server.asked.length, 2, 'a minute later it is asked again');
  t.equal(lines.length, 0);
});

t.test('refuses tokens that are not active, and does not ask about them at once again', async (t) => {
  const { server, ask, clock, now } = await world({ audience: 'orders', scopes: ['read', 'write'] });
  const good = { active: true, aud: ['stock', 'orders'], scope: 'write read admin', exp: now + 600 };
  const cases: [name: string, json: unknown, expected: string | undefined][] = [
    ['good', good, undefined],
    ['inactive', { active: false }, '401 token-inactive'],
    ['expired', { ...good, exp: now - 1 }, '401 token-inactive'],
    ['early', { ...good, nbf: now + 100 }, '401 token-inactive'],
    ['other audience', { ...good, aud: 'orders2' }, '401 token-foreign'],
    ['no audience', { ...good, aud: undefined }, '401 token-foreign'],
    ['lacks a scope', { ...good, scope: 'read writer' }, '403 token-scope'],
    ['active is text', { ...good, active: 'true' }, '503 token-server-unavailable'],
    ['no object', [], '503 token-server-unavailable'],
  ];
  for (const [name, json, expected] of cases) {
    server.answer = () => ({ json });
    const { code, answer } = await ask(name.replaceAll(' ', '-'));
    t.equal(code, expected, name);
    if (expected?.startsWith('401')) t.match(answer?.headers['www-authenticate'], /^Bearer error="invalid_token"/);
    if (expected?.startsWith('403')) t.equal(answer?.headers['www-authenticate'], 'Bearer error="insufficient_scope", scope="read write"');
  }
  const before = server.asked.length;
  t.equal((await ask('inactive')).code, '401 token-inactive');
  t.equal(server.asked.length, before);
  await clock.pass(10_000);
  server.answer = () => ({ json: good });
  t.equal((await ask('inactive')).code, undefined, 'it may become active');
});

t.test('while the authorization server is away, tokens that it has told about still pass for a while', async (t) => {
  const { server, ask, clock, lines } = await world();
  t.equal((await ask('good')).code, undefined);
  server.answer = () => ({ status: 401, text: `{"secret":"${secret}"}` });
  await clock.pass(61_000);
  t.equal((await ask('good')).code, undefined);
  t.equal((await ask('other')).code, '503 token-server-unavailable');
  t.match(lines, [{ level: 40, reason: /answered 401: clientId and clientSecret are wrong/ }], 'one line a minute at most');
  await clock.pass(299_000);
  t.equal((await ask('good')).code, '503 token-server-unavailable', 'not for long');
  server.answer = () => ({ text: `not json ${secret}` });
  await clock.pass(60_000);
  t.equal((await ask('good')).code, '503 token-server-unavailable');
  t.notMatch(JSON.stringify(lines), /geheim|good|other/, 'logs show neither tokens nor secrets');
});

t.test('a server that does not answer in the time that is set costs no more than that', async (t) => {
  const { server, ask } = await world({ timeout: '50ms' });
  server.answer = () => 'hang';
  t.equal((await ask('good')).code, '503 token-server-unavailable');
});

t.test('faulty settings are refused', async (t) => {
  const good = { url: 'https://login.example/introspect', clientId: 'a', clientSecret: 'b' };
  const faults = (settings: unknown) => faultsOf({ oauth2: settings }).join();
  t.equal(faults(good), '');
  for (const name of Object.keys(good)) t.match(faults({ ...good, [name]: undefined }), new RegExp(`oauth2\\.${name}`));
  t.match(faults({ ...good, url: 'login.example' }), /must be a URL/);
  t.match(faults({ ...good, url: 'https://a:b@login.example' }), /no user name and password/);
  t.match(faults({ ...good, timeout: '0s' }), /must be from 1ms to 60s/);
  t.match(faults({ ...good, scopes: ['a b'] }), /must be a scope/);
  t.match(faults({ ...good, claims: { sub: 'host' } }), /must not be changed/);
});
