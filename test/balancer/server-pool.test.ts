import t from 'tap';
import { atOnce } from '../../src/model/pieces.ts';
import type { Outcome } from '../../src/proxy/contract.ts';
import type { Upstream } from '../../src/proxy/upstream.ts';
import { FakeClock } from '../tools/fake-clock.ts';
import { FakeExchange } from '../tools/fake-exchange.ts';
import { poolUnderTest } from './pool-under-test.ts';
import { server, table } from './tables.ts';

const ok: Outcome = { kind: 'answered', status: 200, headMs: 1 };
const broken: Outcome = { kind: 'answered', status: 500, headMs: 1 };
const refused: Outcome = { kind: 'connect-failed', reason: 'ECONNREFUSED' };

t.test('only servers that serve and are up get traffic', async (t) => {
  const { picked, pool } = poolUnderTest(
    table([server('a'), server('b'), server('c', { health: 'down' }), server('d', { serving: false, health: 'unknown' })], {
      balance: 'least-connections',
    }),
  );
  t.equal(picked(), 'a b');
  t.strictSame(
    [...pool.servers()].map(({ id, health }) => `${id} ${health}`),
    ['a up', 'b up', 'c down', 'd unknown'],
  );
});

t.test('without servers, pick returns undefined', async (t) => {
  const { pick } = poolUnderTest(table([]));
  t.equal(pick(), undefined);
});

t.test('in panic mode health is ignored, but a server that was never ready gets no requests', async (t) => {
  const servers = [
    server('a'),
    server('b', { health: 'down' }),
    server('c', { health: 'down' }),
    server('new', { serving: false, health: 'unknown' }),
  ];
  const { picked, pool, lines } = poolUnderTest(table(servers));
  t.equal(picked(), 'a b c');
  t.match(lines.at(-1), { msg: 'too few healthy servers: health is ignored', healthy: 1, servers: 3 });
  pool.apply(table(servers, { panicThreshold: 0 }));
  t.equal(picked(), 'a');
  t.match(lines.at(-1), { msg: 'enough healthy servers again' });
});

t.test('counts, exchanges in flight and connections survive every change of settings', async (t) => {
  const { pool, find, live } = poolUnderTest(table([server('a'), server('b')]));
  const a = find('a');
  a.requests += 5;
  a.statuses[2] = 4;
  a.failures++;
  for (const balance of ['least-connections', 'random-two', 'round-robin'] as const) {
    pool.apply(table([server('a', { weight: 7 }), server('b'), server('c')], { balance, health: 'off' }));
    t.equal(find('a'), a, balance);
  }
  a.active++;
  pool.apply(table([server('a', { health: 'down', reason: 'connection refused' }), server('b'), server('c')]));
  t.match(live('a'), {
    active: 1,
    requests: 5,
    failures: 1,
    statuses: [0, 0, 4, 0, 0, 0],
    weight: 1,
    health: 'down',
    reason: 'connection refused',
  });
});

t.test('out of rotation a server gets no new requests, and its exchanges in flight count until they end', async (t) => {
  const { pool, find, live, picked } = poolUnderTest(table([server('a'), server('b')]));
  const a = find('a');
  a.active = 2;
  a.requests = 2;
  pool.apply(table([server('a', { serving: false }), server('b')]));
  t.equal(picked(), 'b');
  t.match(live('a'), { active: 2, requests: 2 });
  a.active = 0;
  a.statuses[2] = 2;
  t.match(live('a'), { active: 0, requests: 2, statuses: [0, 0, 2, 0, 0, 0] });
  t.match(live('a'), { active: 0, requests: 2 }, 'counted once, however often it is read');
  pool.apply(table([server('a'), server('b')]));
  t.equal(picked(), 'a b');
  find('a').requests++;
  t.match(live('a'), { requests: 3 });
});

t.test('a new address gets a new upstream and keeps the counts', async (t) => {
  const { pool, find, live, reports } = poolUnderTest(table([server('a')]));
  const before = find('a');
  before.requests = 10;
  before.active = 1;
  pool.apply(table([server('a', { address: '127.0.0.1:9999' })]));
  const after = find('a');
  t.not(after, before);
  t.equal(after.port, 9999);
  t.match(live('a'), { requests: 10, active: 1, address: '127.0.0.1:9999' });
  // Late outcomes of the old upstream must not affect the new one.
  for (let failure = 0; failure < 20; failure++) pool.observe(before, refused);
  t.match(live('a'), { health: 'up' });
  t.strictSame(reports, []);
});

t.test(
  'failures in a row are reported; a success in between resets the streak; nothing is reported while the server is ejected',
  async (t) => {
    const { pool, find, live, picked, reports } = poolUnderTest(table([server('a'), server('b')]));
    const a = find('a');
    const fail = (outcome: Outcome, count: number) => {
      for (let failure = 0; failure < count; failure++) pool.observe(a, outcome);
      return reports.splice(0);
    };
    t.strictSame(fail(broken, 4), []);
    pool.observe(a, ok);
    t.strictSame(fail(broken, 4), []);
    pool.observe(a, { kind: 'aborted', reason: 'client gone' });
    const about = { environment: 'production', id: 'a', instance: 'a-1', address: '127.0.0.1:9101' };
    t.strictSame(fail(broken, 1), [{ ...about, failure: 'status', reason: 'status 500' }]);
    t.equal(picked(), 'a b', 'only the table takes a server out of rotation');
    t.strictSame(fail(refused, 5), [{ ...about, failure: 'connect-failed', reason: 'connect-failed: ECONNREFUSED' }]);
    fail(broken, 3);
    pool.apply(table([server('a', { ejected: true, reason: 'too many' }), server('b')]));
    t.equal(picked(), 'b');
    t.match(live('a'), { health: 'ejected', reason: 'too many' });
    t.strictSame(fail(broken, 20), [], 'failures while it is ejected do not count');
    pool.apply(table([server('a'), server('b')]));
    t.strictSame(fail(broken, 4), [], 'after the ejection the streak starts from zero');
    pool.apply(table([server('a', { instance: 'a-2' }), server('b')]));
    t.strictSame(fail(broken, 4), [], 'and so it does for a new instance');
  },
);

t.test('silence, failures of targets and shortages eject no server; only its own failures do', async (t) => {
  const identity = 'a; instance=a-1; environment=production';
  const { pool, find, reports, suspects, lines } = poolUnderTest(table([server('a', { identity }), server('plain')]));
  const passedOn: Outcome = { kind: 'answered', status: 502, headMs: 1, blame: 'target' };
  const short: Outcome = { kind: 'shortage', reason: 'connect EMFILE' };
  const silent: Outcome = { kind: 'head-timeout', reason: 'no response in time', silent: true };
  const cut: Outcome = { kind: 'truncated', reason: 'reset' };
  const malformed: Outcome = { kind: 'bad-response', reason: 'head too large' };
  const reported = (id: string, outcome: Outcome) => {
    const upstream = find(id);
    for (let failure = 0; failure < 40; failure++) pool.observe(upstream, outcome);
    pool.observe(upstream, ok);
    return reports.splice(0).length > 0;
  };
  const reset: Outcome = { kind: 'reset', reason: 'reset' };
  for (const outcome of [passedOn, short, silent, cut, malformed, reset])
    t.notOk(reported('a', outcome), `${outcome.kind} of a gateway server`);
  for (const outcome of [short, silent, { ...cut, silent: true }]) t.notOk(reported('plain', outcome), `${outcome.kind} of a plain server`);
  for (const outcome of [broken, refused]) t.ok(reported('a', outcome), outcome.kind);
  for (const outcome of [cut, malformed, reset]) t.ok(reported('plain', outcome), `${outcome.kind} of a plain server`);
  t.equal(lines.filter(({ msg }) => /short of descriptors/.test(String(msg))).length, 1, 'a shortage is logged once a minute');
  suspects.length = 0;
  pool.observe(find('a'), short);
  pool.observe(find('a'), passedOn);
  t.strictSame(suspects, [], 'neither makes a server suspect');
  pool.observe(find('a'), silent);
  t.strictSame(suspects, ['production/a'], 'a silent server is checked');
});

t.test('in panic mode ejected servers get traffic too', async (t) => {
  const { picked, lines } = poolUnderTest(table([server('a', { ejected: true }), server('b', { ejected: true }), server('c')]));
  t.equal(picked(), 'a b c');
  t.match(lines.at(-1), { msg: 'too few healthy servers: health is ignored', healthy: 1, servers: 3 });
});

t.test('a failed attempt makes the server suspect, a 5xx response does not', async (t) => {
  const { pool, find, suspects } = poolUnderTest(table([server('a')]));
  const a = find('a');
  pool.observe(a, broken);
  pool.observe(a, { kind: 'aborted', reason: '' });
  pool.observe(a, ok);
  t.strictSame(suspects, []);
  pool.observe(a, refused);
  pool.observe(a, { kind: 'head-timeout', reason: '' });
  t.strictSame(suspects, ['production/a', 'production/a']);
});

t.test('exchanges that wait for a server that has just gone down are notified once, after the picker has other servers', async (t) => {
  const { pool, find, picked } = poolUnderTest(table([server('a'), server('b')]));
  const doubts: string[] = [];
  for (const id of ['a', 'b']) find(id).doubt = () => doubts.push(`${id}, others: ${picked()}`);
  pool.apply(table([server('a', { weight: 2 }), server('b')]));
  t.strictSame(doubts, []);
  pool.apply(table([server('a', { health: 'down', reason: 'hung' }), server('b')]));
  t.strictSame(doubts, ['a, others: b']);
  pool.apply(table([server('a', { health: 'down', reason: 'refused' }), server('b', { ejected: true })]));
  pool.apply(table([server('b'), server('c', { health: 'down' })]));
  t.equal(doubts.length, 1, 'neither for an ejected server, which does answer, nor for one that never was healthy');
});

t.test('a server that comes back starts slowly', async (t) => {
  const spec = { slowStart: '10s' } as const;
  const { clock, pool, pick } = poolUnderTest(table([server('a'), server('b')], spec));
  const share = () => Array.from({ length: 1100 }, () => pick()).filter((picked) => picked?.id === 'b').length;
  await clock.pass(20_000);
  t.ok(Math.abs(share() - 550) <= 1);
  pool.apply(table([server('a'), server('b', { health: 'down' })], spec));
  t.equal(share(), 0);
  pool.apply(table([server('a'), server('b')], spec));
  t.ok(Math.abs(share() - 100) <= 2, 'a tenth at first');
  await clock.pass(5_600);
  const middle = share();
  t.ok(middle > 330 && middle < 410, `about half its weight in the middle: ${middle}`);
  await clock.pass(6_000);
  t.ok(Math.abs(share() - 550) <= 1);
  t.equal(clock.pending, 0, 'no timer is left');
});

t.test('a process that has just started continues a slow start where it is; a wall clock that was set back changes nothing', async (t) => {
  const spec = { slowStart: '10s' } as const;
  const date = new FakeClock().date();
  const share = (since: number) => {
    const { pick } = poolUnderTest(table([server('a', { wellSince: 0 }), server('b', { wellSince: since })], spec));
    return Array.from({ length: 1500 }, () => pick()).filter((picked) => picked?.id === 'b').length;
  };
  t.ok(Math.abs(share(date - 5000) - 500) <= 2, 'half its weight');
  t.ok(Math.abs(share(date + 3_600_000) - 136) <= 2, 'a tenth');
});

t.test('a new instance that becomes healthy starts slowly again', async (t) => {
  const spec = { slowStart: '10s' } as const;
  const { clock, pool, pick } = poolUnderTest(table([server('a', { wellSince: 0 }), server('b', { wellSince: 0 })], spec));
  pool.apply(table([server('a', { wellSince: 0 }), server('b', { instance: 'b-2', wellSince: clock.date() })], spec));
  const toB = Array.from({ length: 1100 }, () => pick()).filter((picked) => picked?.id === 'b').length;
  t.ok(Math.abs(toB - 100) <= 2, `${toB}`);
  pool.close();
});

t.test('a server at its connection limit gets no requests until one ends', async (t) => {
  const { find, pick, picked } = poolUnderTest(table([server('a'), server('b')], { limits: { connectionsPerServer: 2 } }));
  const a = find('a');
  const b = find('b');
  a.active = 2;
  t.equal(picked(), 'b');
  b.active = 2;
  t.equal(pick(), undefined);
  a.active--;
  t.equal(picked(), 'a');
});

t.test('each attempt goes to another server', async (t) => {
  const { pick, find } = poolUnderTest(table([server('a'), server('b')]));
  const [a, b] = [find('a'), find('b')];
  t.equal(pick([a]), b);
  t.equal(pick([a, b]), undefined);
});

t.test('hash: one key always gets the same server; many keys use all servers', async (t) => {
  const servers = ['a', 'b', 'c', 'd'].map((id) => server(id));
  const { pool } = poolUnderTest(table(servers, { balance: 'hash', hash: { on: 'header:x-user' } }));
  const by = (user: string) => pool.pick(new FakeExchange('GET', '/', { 'x-user': user }), [])?.id;
  for (let user = 0; user < 20; user++) t.equal(by(`u${user}`), by(`u${user}`));
  t.equal(new Set(Array.from({ length: 50 }, (_, user) => by(`u${user}`))).size, 4);
});

t.test('ewma prefers the server with lower latency', async (t) => {
  const { pool, find, pick } = poolUnderTest(table([server('a'), server('b')], { balance: 'ewma' }));
  const [a, b] = [find('a'), find('b')];
  pool.observe(a, { kind: 'answered', status: 200, headMs: 100 });
  pool.observe(b, { kind: 'answered', status: 200, headMs: 10 });
  t.ok(Array.from({ length: 50 }, () => pick()).every((picked) => picked === b));
});

t.test('after close, pick returns undefined and no timer is left', async (t) => {
  const { clock, pool, find, pick } = poolUnderTest(table([server('a'), server('b')], { slowStart: '10s' }));
  const a = find('a');
  t.equal(clock.pending, 1);
  pool.close();
  t.equal(pick(), undefined);
  t.equal(clock.pending, 0);
  pool.observe(a, refused);
});

t.test('with a sticky cookie a client keeps its server until that drains', async (t) => {
  const spec = { sticky: { cookie: 'sid' } };
  const { pool, pick } = poolUnderTest(table([server('a'), server('b'), server('c')], spec));
  const first = pick() as Upstream;
  const visit = new FakeExchange('GET', '/');
  pool.respond(visit, first);
  const again = new FakeExchange('GET', '/', { cookie: visit.response.headers.get('set-cookie')?.split(';')[0] ?? '' });
  for (let turn = 0; turn < 10; turn++) t.equal(pool.pick(again, [])?.id, first.id);
  pool.apply(
    table(
      [server('a'), server('b'), server('c')].map((each) => ({ ...each, serving: each.id !== first.id })),
      spec,
    ),
  );
  t.not(pool.pick(again, [])?.id, first.id, 'a draining server is not picked');
  pool.apply(table([server('a'), server('b'), server('c')]));
  const unmarked = new FakeExchange('GET', '/');
  pool.respond(unmarked, first);
  t.strictSame(unmarked.response.headers.all('set-cookie'), [], 'switched off');
});

t.test('a server at rest is the same object at each look; one that changed is another', async (t) => {
  const { pool, pick, live } = poolUnderTest(table([server('a')]));
  const before = live('a');
  t.equal(live('a'), before);
  t.equal([...pool.servers()][0], before);
  const upstream = pick();
  if (upstream === undefined) throw new Error('no server was picked');
  upstream.requests++;
  t.match(live('a'), { requests: (before?.requests ?? 0) + 1 });
  const counted = live('a');
  t.not(counted, before);
  upstream.active++;
  t.match(live('a'), { active: 1 });
  upstream.active--;
  pool.apply(table([server('a', { weight: 7 })]));
  t.match(live('a'), { weight: 7, requests: 1, active: 0 });
});

t.test('a table that was prepared in pieces is taken into use in one step', async (t) => {
  const before = table([server('a'), server('b'), server('c')]);
  const { picked, pool, find, live } = poolUnderTest(before);
  const [a, b] = [find('a'), find('b')];
  const next = table([server('a', { weight: 2 }), server('b', { address: '127.0.0.1:9102' }), server('d')]);
  for (const _ of pool.prepare(next)) {
    t.equal(picked(), 'a b c', 'nothing has changed before that');
    t.equal(find('b'), b);
    t.equal(live('d'), undefined);
  }
  pool.apply(next);
  t.equal(picked(), 'a b d');
  t.equal(find('a'), a);
  t.not(find('b'), b);
  t.match([find('b'), find('d')], [{ port: 9102 }, { port: 9101 }]);
});

t.test('a table other than the one that was prepared is taken as it is', async (t) => {
  const { picked, pool, find } = poolUnderTest(table([server('a')]));
  const prepared = table([server('a', { address: '127.0.0.1:9102' }), server('b', { address: '127.0.0.1:9102' })]);
  atOnce(pool.prepare(prepared));
  pool.apply(table([server('a', { address: '127.0.0.1:9103' }), server('b', { address: '127.0.0.1:9103' })]));
  t.equal(picked(), 'a b');
  t.match([find('a').port, find('b').port], [9103, 9103]);
  pool.apply(prepared);
  t.match([find('a').port, find('b').port], [9102, 9102]);
});

t.test('what takes long in a table of thousands of servers is done when it is prepared', async (t) => {
  const many = (address: string) => table(Array.from({ length: 1000 }, (_, index) => server(`s${index}`, { address })));
  const { pool, pick } = poolUnderTest(table([]));
  for (const port of [9102, 9103]) {
    const next = many(`127.0.0.1:${port}`);
    let pieces = 0;
    for (const _ of pool.prepare(next)) pieces++;
    t.equal(pieces, 1000, 'a server in a piece');
    pool.apply(next);
    t.equal(pick()?.port, port);
  }
});
