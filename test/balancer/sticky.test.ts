import t from 'tap';
import { Sticky } from '../../src/balancer/sticky.ts';
import { StickyTokens } from '../../src/balancer/sticky-tokens.ts';
import { Upstream } from '../../src/proxy/upstream.ts';
import { FakeChoice } from '../tools/fake-choice.ts';
import { FakeExchange } from '../tools/fake-exchange.ts';

const upstream = (id: string) => new Upstream({ id, host: '127.0.0.1', port: 1 });

/** Ties to servers of one environment. */
function tiesTo(
  servers: readonly Upstream[],
  settings: Partial<ConstructorParameters<typeof Sticky>[0]> = {},
  choice = new FakeChoice(servers),
) {
  const tokens = new StickyTokens('production');
  for (const { id } of servers) tokens.add(id);
  return new Sticky({ cookie: 'sid', ...settings }, tokens, choice);
}

/** An exchange of a client that sends this Cookie header. */
function client(cookies?: string) {
  const exchange = new FakeExchange('GET', '/');
  if (cookies !== undefined) exchange.request.headers.set('cookie', cookies);
  return exchange;
}

/** The Cookie header that a client sends after `server` has answered it. */
function tied(sticky: Sticky, server: Upstream): string {
  const exchange = client();
  sticky.tie(exchange, server);
  const [given = ''] = exchange.response.headers.all('set-cookie');
  return given.split(';')[0] ?? '';
}

t.test('a client returns to the server that answered it', async (t) => {
  const [a, b] = [upstream('a'), upstream('b')];
  const sticky = tiesTo([a, b]);
  t.equal(sticky.pick(client(), []), undefined, 'a new client has no server yet');
  t.equal(sticky.pick(client(tied(sticky, a)), []), a);
  t.equal(sticky.pick(client(`x=1; ${tied(sticky, b)}; y=2`), []), b);
  t.equal(sticky.pick(client('sid=made-up'), []), undefined);
});

t.test('the cookie does not reveal the server id, and is the same at another balancer', async (t) => {
  const a = upstream('secret-name');
  const sticky = tiesTo([a]);
  t.match(tied(sticky, a), /^sid=[A-Za-z0-9_-]{16}$/);
  t.notMatch(tied(sticky, a), /secret/);
  const other = tiesTo([upstream('secret-name')]);
  t.equal(other.pick(client(tied(sticky, a)), [])?.id, 'secret-name');
});

t.test('a client that has the cookie gets none; a client that moved gets the new one', async (t) => {
  const [a, b] = [upstream('a'), upstream('b')];
  const sticky = tiesTo([a, b]);
  const exchange = client(tied(sticky, a));
  sticky.tie(exchange, a);
  t.strictSame(exchange.response.headers.all('set-cookie'), []);
  sticky.tie(exchange, b);
  t.match(exchange.response.headers.all('set-cookie'), [/^sid=.{16}; Path=\/; HttpOnly; SameSite=Lax$/]);
});

t.test('over TLS the cookie is for https only, unless the settings say otherwise', async (t) => {
  const a = upstream('a');
  for (const [settings, secure, expected] of [
    [{}, true, true],
    [{}, false, false],
    [{ secure: 'on' }, false, true],
    [{ secure: 'off' }, true, false],
  ] as const) {
    const sticky = tiesTo([a], settings);
    const exchange = Object.assign(client(), { secure });
    sticky.tie(exchange, a);
    t.equal(/; Secure$/.test(exchange.response.headers.all('set-cookie')[0] ?? ''), expected, JSON.stringify([settings, secure]));
  }
});

t.test('the cookie has the attributes of the settings', async (t) => {
  const a = upstream('a');
  const sticky = tiesTo([a], { maxAge: 90_000, domain: 'example.com', path: '/shop', sameSite: 'None' });
  const exchange = Object.assign(client(), { secure: true });
  sticky.tie(exchange, a);
  t.match(exchange.response.headers.all('set-cookie'), [
    /^sid=[^;]{16}; Domain=example\.com; Path=\/shop; Max-Age=90; HttpOnly; SameSite=None; Secure$/,
  ]);
});

t.test('a server that failed this request, is full or has left is not picked', async (t) => {
  const a = upstream('a');
  const choice = new FakeChoice([a]);
  const sticky = tiesTo([a], {}, choice);
  const cookies = tied(sticky, a);
  t.equal(sticky.pick(client(cookies), [a]), undefined);
  a.maxActive = 1;
  a.active++;
  t.equal(sticky.pick(client(cookies), []), undefined);
  a.active--;
  t.equal(sticky.pick(client(cookies), []), a);
  choice.servers = [];
  t.equal(sticky.pick(client(cookies), []), undefined);
});
