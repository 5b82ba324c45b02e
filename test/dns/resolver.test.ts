import type { LookupAddress } from 'node:dns';
import { Socket } from 'node:net';
import { test } from 'tap';
import { NameError } from '../../src/dns/name-error.ts';
import type { FoundAddresses } from '../../src/dns/name-lookup.ts';
import { Resolver } from '../../src/dns/resolver.ts';
import { dnsServers } from '../../src/dns/servers.ts';
import { FakeClock, settle } from '../tools/fake-clock.ts';
import { keptLogger } from '../tools/fake-logger.ts';

const serverFailed = new NameError('EAI_AGAIN', 'the name a.test cannot be resolved: the DNS server failed (ESERVFAIL)');

/** A resolver whose lookups the test answers. `random` is 0.5: no jitter. */
function world() {
  const clock = new FakeClock();
  const { logger, lines } = keptLogger();
  const asked: { name: string; answer: (addresses: readonly string[], ttlMs: number) => void; fail: (error: Error) => void }[] = [];
  const find = (name: string) =>
    new Promise<FoundAddresses>((resolve, reject) => {
      asked.push({ name, answer: (addresses, ttlMs) => resolve({ addresses, ttlMs }), fail: reject });
    });
  const resolver = new Resolver({ lookup: { find }, clock, random: () => 0.5 });
  resolver.log = logger;
  /** Answers to lookups as a socket would make them: addresses in order, or the error's message. */
  const answers: (readonly string[] | string)[] = [];
  const lookup = (host = 'a.test', port = 80) => {
    resolver.dial(host, port, 1000).lookup?.(host, { all: true }, (error, found) => {
      answers.push(error?.message ?? (found as LookupAddress[]).map(({ address }) => address));
    });
  };
  return { clock, lines, asked, resolver, answers, lookup, last: () => asked.at(-1) as (typeof asked)[number] };
}

test('an IP address passes the resolver by', async (t) => {
  const { resolver, asked } = world();
  for (const host of ['127.0.0.1', '::1']) t.strictSame(resolver.dial(host, 80, 1000), { host, port: 80 });
  resolver.watch('127.0.0.1', () => t.fail('it cannot change'))();
  t.equal(asked.length, 0);
});

test('one lookup serves all who wait, and later ones until its TTL has ended', async (t) => {
  const { clock, asked, answers, lookup, last } = world();
  lookup();
  lookup('A.Test');
  t.equal(asked.length, 1);
  last().answer(['192.0.2.1'], 5000);
  await settle();
  t.strictSame(answers, [['192.0.2.1'], ['192.0.2.1']]);
  await clock.pass(4000);
  lookup();
  t.equal(asked.length, 1);
  await clock.pass(2000);
  lookup();
  t.equal(answers.length, 4, 'answered at once with what is known');
  t.equal(asked.length, 2, 'and looked up again');
});

test('a watched name is looked up again by itself; its watchers hear of changes only', async (t) => {
  const { clock, asked, resolver, lookup, last } = world();
  const heard: string[][] = [];
  const unwatch = resolver.watch('a.test', (present) => heard.push([...present]));
  lookup();
  last().answer(['192.0.2.1'], 5000);
  await clock.pass(5000);
  t.equal(asked.length, 2);
  last().answer(['192.0.2.1'], 5000);
  await clock.pass(5000);
  t.equal(asked.length, 3);
  last().answer(['192.0.2.2', '192.0.2.3'], 5000);
  await settle();
  t.strictSame(heard, [['192.0.2.2', '192.0.2.3']]);
  unwatch();
  await clock.pass(60_000);
  t.equal(asked.length, 3, 'a name that is not watched is not looked up');
  t.equal(clock.pending, 0);
});

test('addresses stay in use as long as the name cannot be resolved, and that is logged once', async (t) => {
  const { clock, asked, lines, resolver, answers, lookup, last } = world();
  resolver.watch('a.test', () => t.fail('nothing has changed'));
  lookup();
  last().answer(['192.0.2.1'], 0);
  await clock.pass(1000);
  for (let hour = 0; hour < 50; hour++) {
    last().fail(serverFailed);
    await settle();
    lookup();
    await clock.pass(10_000);
  }
  t.ok(asked.length > 50);
  t.ok(answers.every((answer) => answer[0] === '192.0.2.1'));
  t.match(lines, [{ level: 40, name: 'a.test', reason: serverFailed.message, addresses: ['192.0.2.1'] }]);
  last().answer(['192.0.2.1'], 5000);
  await settle();
  t.match(lines.slice(1), [{ level: 30, msg: 'the name is resolved again' }]);
});

test('a failed lookup is not repeated at once, and more slowly each time', async (t) => {
  const { clock, asked, answers, lookup, last } = world();
  const waits: number[] = [];
  for (let round = 0; round < 6; round++) {
    lookup();
    last().fail(serverFailed);
    await settle();
    const before = asked.length;
    let waited = 0;
    for (; asked.length === before && waited < 60_000; waited += 500) {
      await clock.pass(500);
      lookup();
    }
    waits.push(waited);
  }
  t.strictSame(waits, [1000, 2000, 4000, 8000, 10_000, 10_000]);
  t.ok(answers.every((answer) => answer === serverFailed.message));
});

test('addresses that failed are tried last for a while: refused ones after silent ones', async (t) => {
  const { clock, resolver, answers, lookup, last } = world();
  lookup();
  last().answer(['192.0.2.1', '192.0.2.2', '192.0.2.3'], 300_000);
  await settle();
  const socket = resolver.observe(new Socket(), 'a.test');
  socket.emit('connectionAttemptFailed', '192.0.2.1', 80, 4, Object.assign(new Error(), { code: 'ECONNREFUSED' }));
  socket.emit('connectionAttemptTimeout', '192.0.2.3', 80, 4);
  answers.length = 0;
  for (let turn = 0; turn < 3; turn++) lookup();
  for (const answer of answers) t.strictSame(answer, ['192.0.2.2', '192.0.2.3', '192.0.2.1']);
  t.equal(resolver.dial('a.test', 80, 1000).autoSelectFamilyAttemptTimeout, 500, 'the time is shared by those that may need it');
  answers.length = 0;
  for (let turn = 0; turn < 3; turn++) lookup('a.test', 81);
  t.strictSame(answers.map(([first]) => first).sort(), ['192.0.2.1', '192.0.2.2', '192.0.2.3'], 'another port is another server');
  await clock.pass(10_000);
  answers.length = 0;
  for (let turn = 0; turn < 3; turn++) lookup();
  t.strictSame(answers.map(([first]) => first).sort(), ['192.0.2.1', '192.0.2.2', '192.0.2.3']);
});

test('the number of names is bounded, but what is watched stays', async (t) => {
  const { asked, resolver, lookup } = world();
  resolver.watch('kept.test', () => {});
  lookup('kept.test');
  for (let index = 0; index < 10_000; index++) lookup(`name-${index}.test`);
  const before = asked.length;
  lookup('kept.test');
  t.equal(asked.length, before, 'it waits for the lookup that is in flight');
  lookup('name-0.test');
  t.equal(asked.length, before + 1, 'it was forgotten');
});

const of = (text: string) => dnsServers({ SLUICE_DNS_SERVERS: text });

test('DNS servers are IP addresses, with a port if it is not 53', async (t) => {
  t.equal(dnsServers({}), undefined);
  t.equal(of(' '), undefined);
  const good = ['192.0.2.1', '192.0.2.1:5353', '2001:db8::53', '[2001:db8::53]', '[2001:db8::53]:5353'];
  for (const server of good) t.strictSame(of(server), [server]);
  t.strictSame(of(good.join(', ')), good);
});

test('any other text is refused', async (t) => {
  for (const server of ['dns.example.com', '192.0.2.1:', '192.0.2.1:65536', '192.0.2', '[2001:db8::53', 'x:y'])
    t.throws(() => of(`192.0.2.1,${server}`), { code: 'invalid', message: /SLUICE_DNS_SERVERS: .* is not a DNS server/ }, server);
});
