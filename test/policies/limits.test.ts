import t from 'tap';
import type { LimitStore } from '../../src/limits/limit-store.ts';
import { Limits } from '../../src/limits/limits.ts';
import { MemoryLimitStore } from '../../src/limits/memory-limit-store.ts';
import { SluiceError } from '../../src/model/fault.ts';
import type { Decision, NamedPolicy, PolicyServices } from '../../src/policies/contract.ts';
import { FakeClock, settle } from '../tools/fake-clock.ts';
import { keptLogger, silentLogger as logger } from '../tools/fake-logger.ts';
import { policyServices } from '../tools/policy-services.ts';
import { type Entry, FakeContext, faultsOf, policyOf } from './run-policy.ts';

/** Gateways that share one store. */
function fleet(count: number, store?: LimitStore) {
  const clock = new FakeClock();
  const shared = store ?? new MemoryLimitStore(clock);
  const services = Array.from({ length: count }, (_, index) => {
    const limits = new Limits({ store: shared, gateway: `g${index}`, environment: () => 'production', clock, random: () => 0.5, logger });
    return policyServices({ clock, limits });
  });
  return { clock, services: services as [PolicyServices, ...PolicyServices[]] };
}

type Given = ConstructorParameters<typeof FakeContext>[0];

/** Runs policies on a request as a chain does: the first answer ends it. */
async function ask(policies: readonly NamedPolicy[], given: Given = {}): Promise<{ answer: Decision; context: FakeContext }> {
  const context = new FakeContext(given);
  for (const policy of policies) {
    const answer = await policy.run(context);
    if (answer !== undefined) return { answer, context };
  }
  return { answer: undefined, context };
}

async function passes(policies: readonly NamedPolicy[], times: number, given?: Given): Promise<number> {
  let passed = 0;
  for (let time = 0; time < times; time++) if ((await ask(policies, given)).answer === undefined) passed++;
  return passed;
}

const bodyOf = (answer: Decision) => JSON.parse(String(answer?.body)) as { code: string; title: string; requestId: string };

t.test('rateLimit: lets the burst pass, then the rate, over all gateways together', async (t) => {
  const { clock, services } = fleet(3);
  const policies = services.map((each) => [policyOf({ rateLimit: { limit: 100, burst: 60, by: 'all' } }, 'proxyRequest', each)]);
  let passed = 0;
  for (let round = 0; round < 40; round++) for (const chain of policies) passed += await passes(chain, 1);
  t.ok(passed >= 57 && passed <= 60, `${passed} of 120 pass at once`);
  for (let second = 0; second < 5; second++) {
    for (let step = 0; step < 100; step++) {
      await clock.pass(10);
      for (const chain of policies) passed += await passes(chain, 1);
    }
  }
  t.ok(passed <= 560, `${passed}: burst and rate of five seconds are 560`);
  t.ok(passed >= 530, `${passed}: hardly less`);
});

t.test('a refusal says what the limit is, and when to try again', async (t) => {
  const { clock, services } = fleet(1);
  const policy = [policyOf({ rateLimit: { limit: 6, window: '1m', burst: 2 } }, 'proxyRequest', services[0])];
  const first = await ask(policy);
  t.equal(first.answer, undefined);
  t.same(Object.fromEntries(first.context.answerFields), {
    'ratelimit-policy': '"rate-limit-6-60000ms";q=6;w=60',
    ratelimit: '"rate-limit-6-60000ms";r=1;t=10',
  });
  await ask(policy);
  const { answer, context } = await ask(policy);
  t.match(answer, {
    status: 429,
    headers: { 'content-type': 'application/problem+json', 'retry-after': '10', 'cache-control': 'no-store' },
  });
  t.match(bodyOf(answer), { code: 'rate-limited', requestId: 'id-1' });
  t.equal(context.answerFields.get('ratelimit'), '"rate-limit-6-60000ms";r=0;t=20');
  await clock.pass(10_000);
  t.equal((await ask(policy)).answer, undefined);
  t.match((await ask([policyOf({ rateLimit: { limit: 1, fields: false } })])).context.answerFields.size, 0);
});

t.test('by: consumers, addresses, fields and claims are counted apart; without one the address counts', async (t) => {
  const cases: [by: string, apart: [Given, Given], together: [Given, Given]][] = [
    [
      'consumer',
      [{ caller: { consumer: 'anna' } }, { caller: { consumer: 'ben' } }],
      [
        { caller: { consumer: 'anna' }, clientAddress: '192.0.2.1' },
        { caller: { consumer: 'anna' }, clientAddress: '192.0.2.2' },
      ],
    ],
    ['consumer', [{ clientAddress: '192.0.2.1' }, { clientAddress: '192.0.2.2' }], [{}, {}]],
    [
      'client-ip',
      [{ clientAddress: '192.0.2.1' }, { clientAddress: '192.0.2.2' }],
      [{ clientAddress: '192.0.2.1' }, { clientAddress: '192.0.2.1' }],
    ],
    [
      'client-ip',
      [{ clientAddress: '2001:db8::1' }, { clientAddress: '2001:db8:0:1::1' }],
      [{ clientAddress: '2001:db8::1' }, { clientAddress: '2001:db8::ffff' }],
    ],
    [
      'header:x-tenant',
      [{ headers: { 'x-tenant': 'a' } }, { headers: { 'x-tenant': 'b' } }],
      [{ headers: { 'x-tenant': 'a' } }, { headers: { 'X-Tenant': 'a' } }],
    ],
    [
      'header:x-tenant',
      [{ headers: { 'x-tenant': 'a'.repeat(5000) } }, { headers: { 'x-tenant': `${'a'.repeat(4999)}b` } }],
      [{ headers: { 'x-tenant': 'a'.repeat(5000) } }, { headers: { 'x-tenant': 'a'.repeat(5000) } }],
    ],
    ['header:x-tenant', [{ headers: { 'x-tenant': '192.0.2.1' } }, {}], [{}, {}]],
    [
      'claim:plan',
      [{ caller: { claims: { plan: 1 } } }, { caller: { claims: { plan: '1' } } }],
      [{ caller: { claims: { plan: 'a' } } }, { caller: { claims: { plan: 'a' } } }],
    ],
    ['claim:toString', [{ clientAddress: '192.0.2.1' }, { clientAddress: '192.0.2.2' }], [{ caller: { claims: { toString: {} } } }, {}]],
    ['all', [{}, {}], [{ clientAddress: '192.0.2.1' }, { clientAddress: '192.0.2.2' }]],
  ];
  for (const [by, apart, together] of cases) {
    const make = () => [policyOf({ rateLimit: { limit: 1, window: '1h', by } }, 'proxyRequest', fleet(1).services[0])];
    const separate = make();
    if (by !== 'all')
      for (const given of apart) t.equal(await passes(separate, 2, given), 1, `${by} ${JSON.stringify(given).slice(0, 80)}`);
    const common = make();
    t.same([await passes(common, 1, together[0]), await passes(common, 1, together[1])], [1, 0], `${by}: counted together`);
  }
});

t.test('near a small limit the balancer is told where its requests should go, and what they have in common', async (t) => {
  const known = { caller: { consumer: 'anna' }, identifiedBy: 'header:x-api-key' };
  const cases: [settings: object, given: Given, told: string | undefined][] = [
    [{ by: 'consumer' }, known, 'header:x-api-key g0'],
    [{ by: 'claim:tenant' }, { ...known, caller: { claims: { tenant: 't' } } }, 'header:x-api-key g0'],
    [{ by: 'consumer' }, {}, 'client-ip g0'],
    [{ by: 'client-ip' }, {}, 'client-ip g0'],
    [{ by: 'header:x-tenant' }, { headers: { 'x-tenant': 'a' } }, 'header:x-tenant g0'],
    [{ by: 'all' }, {}, 'the project g0'],
    [{ by: 'all', limit: 20_000 }, {}, undefined],
    [{ by: 'all', limit: 10 }, {}, undefined],
    [{ by: 'all', limit: 400 }, {}, undefined],
    [{ by: 'all', exact: true }, {}, undefined],
  ];
  for (const [settings, given, told] of cases) {
    const { clock, services } = fleet(1);
    const policies = [policyOf({ rateLimit: { limit: 100, ...settings } }, 'proxyRequest', services[0])];
    let last: string | undefined;
    for (let request = 0; request < 300; request++) {
      await clock.pass(10);
      last = (await ask(policies, given)).context.home;
    }
    t.equal(last, told, JSON.stringify(settings));
  }
});

t.test('several limits on one request are all or nothing', async (t) => {
  const { services } = fleet(1);
  const wide: Entry = { rateLimit: { limit: 10, window: '1h', by: 'all' } };
  const narrow: Entry = { quota: { limit: 2, period: 'month', by: 'header:x-tenant' } };
  const chain = [policyOf(wide, 'proxyRequest', services[0]), policyOf(narrow, 'proxyRequest', services[0])];
  t.equal(await passes(chain, 6, { headers: { 'x-tenant': 'a' } }), 2);
  const { answer } = await ask(chain, { headers: { 'x-tenant': 'a' } });
  t.equal(bodyOf(answer).code, 'quota-exceeded');
  let others = 0;
  for (let tenant = 0; tenant < 20; tenant++) others += await passes(chain, 1, { headers: { 'x-tenant': `${tenant}` } });
  t.equal(others, 8, 'what the quota refused has cost the wide limit nothing');
});

t.test('quota: counts a calendar period, which another revision of the project goes on with', async (t) => {
  const { clock, services } = fleet(2);
  const [one, other] = services as [PolicyServices, PolicyServices];
  const entry: Entry = { quota: { limit: 5, period: 'hour', by: 'all' } };
  const before = [policyOf(entry, 'proxyRequest', one)];
  t.equal(await passes(before, 3), 3);
  const { answer, context } = await ask([policyOf(entry, 'proxyRequest', other)]);
  t.equal(answer, undefined);
  t.match(context.answerFields.get('ratelimit-policy'), '"quota-5-hour";q=5;w=3600');
  t.equal(await passes([policyOf(entry, 'proxyRequest', one)], 3), 1, 'the next revision');
  t.equal(
    await passes([policyOf({ quota: { limit: 7, period: 'hour', by: 'all' } }, 'proxyRequest', other)], 9),
    2,
    'a raised limit: what was used stays used',
  );
  const refused = await ask(before);
  const left = 3_600_000 - (clock.date() % 3_600_000);
  t.match(refused.answer?.headers, { 'retry-after': `${Math.ceil(left / 1000)}` });
  await clock.pass(left + 1000);
  t.equal(await passes(before, 9), 5, 'the next hour');
});

t.test('spikeArrest: requests must come evenly', async (t) => {
  const { clock, services } = fleet(2);
  const chains = services.map((each) => [policyOf({ spikeArrest: { rate: '30/m' } }, 'proxyRequest', each)]);
  t.same([await passes(chains[0] ?? [], 3), await passes(chains[1] ?? [], 3)], [1, 0], 'one at once');
  t.equal(bodyOf((await ask(chains[0] ?? [])).answer).code, 'spike-arrested');
  await clock.pass(2000);
  t.same([await passes(chains[1] ?? [], 3), await passes(chains[0] ?? [], 3)], [1, 0], 'the next one after two seconds');
  const fast = [policyOf({ spikeArrest: { rate: '100/s' } }, 'proxyRequest', fleet(1).services[0])];
  t.equal(await passes(fast, 50), 10, 'a tenth of a second at once');
});

t.test('concurrency: slots come back when exchanges end, however they end', async (t) => {
  const { clock, services } = fleet(2);
  const chains = services.map((each) => [policyOf({ concurrency: { limit: 3 } }, 'proxyRequest', each)]);
  const open: FakeContext[] = [];
  for (const chain of [chains[0], chains[1], chains[0]]) {
    const { answer, context } = await ask(chain ?? []);
    t.equal(answer, undefined);
    open.push(context);
  }
  const { answer } = await ask(chains[1] ?? []);
  t.match([answer?.status, bodyOf(answer).code], [429, 'too-many-at-once']);
  open[0]?.ends({ aborted: true, status: 0 });
  t.equal(await passes(chains[0] ?? [], 1), 1, 'at once where it ended');
  open[1]?.ends();
  await clock.pass(1000);
  t.equal(await passes(chains[0] ?? [], 1), 1, 'soon elsewhere');
});

/** Plays the rest of an exchange: the target answers with this body, in pieces of so many octets. */
function finish(context: FakeContext, body: string, { type = 'application/json', status = 200, octets = 7, complete = true } = {}): void {
  context.answers(status, { 'content-type': type });
  for (const observer of context.observers) {
    for (let start = 0; start < body.length; start += octets) {
      const piece = Buffer.from(`..${body.slice(start, start + octets)}..`);
      observer.data(piece, 2, piece.length - 2);
    }
    observer.ended(complete);
  }
  context.ends({ status });
}

t.test('rateLimit by cost: an estimate is taken, and settled by what the response says', async (t) => {
  const { services } = fleet(1);
  const cost = { estimate: 400, usage: 'usage.total_tokens' };
  const policy = [policyOf({ rateLimit: { limit: 1000, window: '1h', by: 'all', cost } }, 'proxyRequest', services[0])];
  const remaining = async () => {
    const { answer, context } = await ask(policy);
    if (answer === undefined) finish(context, '', { status: 503 });
    return Number(/;r=(\d+)/.exec(context.answerFields.get('ratelimit') ?? '')?.[1]) + (answer === undefined ? 400 : 0);
  };
  const [one, two] = [await ask(policy), await ask(policy)];
  t.equal((await ask(policy)).answer?.status, 429, 'two estimates are taken: the third would be too much');
  finish(one.context, '{"choices":[{"text":"total_tokens"}],"usage":{"total_tokens":100}}');
  t.equal(await remaining(), 500, 'what was too much is back');
  const events = [
    'data: {"delta":"a"}',
    '',
    'data: {"usage":null,"total_tokens":1}',
    '',
    'data: {"usage":{"total_tokens":250}}',
    '',
    'data: [DONE]',
    '',
    '',
  ];
  finish(two.context, events.join('\n'), { type: 'text/event-stream; charset=utf-8' });
  t.equal(await remaining(), 650, 'an event stream tells it in one of its events');
  const failed = await ask(policy);
  finish(failed.context, '{"error":{}}', { status: 500 });
  t.equal(await remaining(), 650, 'an error has used nothing');
  const never = await ask(policy);
  never.context.ends({ server: undefined, status: 504 });
  t.equal(await remaining(), 650, 'nor has a request that reached no target');
  const silent = await ask(policy);
  finish(silent.context, '{"usage":{}}');
  t.equal(await remaining(), 250, 'a response that does not tell has used the estimate');
  t.equal(one.context.request.headers.get('accept-encoding'), undefined, 'the target answers in plain text');
});

t.test('rateLimit by cost: what was used beyond the estimate is owed', async (t) => {
  const { clock, services } = fleet(1);
  const cost = { estimate: 10, usage: 'tokens' };
  const policy = [policyOf({ rateLimit: { limit: 100, window: '10s', by: 'all', cost } }, 'proxyRequest', services[0])];
  const { context } = await ask(policy);
  finish(context, '{"tokens":150}');
  for (let second = 0; second < 6; second++) {
    t.equal((await ask(policy)).answer?.status, 429, `after ${second} s`);
    await clock.pass(1000);
  }
  t.equal((await ask(policy)).answer, undefined, 'after six seconds 60 more are there: debt and estimate');
});

t.test('while the registry does not answer, a gateway goes on alone, and says so once', async (t) => {
  const store = new MemoryLimitStore(new FakeClock());
  const switched = {
    away: false,
    ask: (...given: Parameters<LimitStore['ask']>) =>
      switched.away ? Promise.reject(new SluiceError('unavailable', 'gone')) : store.ask(...given),
  };
  const clock = new FakeClock();
  const { logger, lines } = keptLogger();
  const limits = new Limits({ store: switched, gateway: 'a', environment: () => 'production', clock, random: () => 0.5, logger });
  const policy = [policyOf({ rateLimit: { limit: 100, by: 'all' } }, 'proxyRequest', policyServices({ clock, limits }))];
  switched.away = true;
  t.equal(await passes(policy, 150), 100, 'not open');
  await clock.pass(500);
  const later = await passes(policy, 150);
  t.ok(later >= 49 && later <= 51, `nor shut: ${later} after half a second`);
  t.equal(lines.filter(({ msg }) => /goes on with its last share/.test(String(msg))).length, 1);
  switched.away = false;
  await clock.pass(5000);
  await passes(policy, 1);
  await settle();
  t.ok(limits.reachable);
  t.match(lines.at(-1)?.msg, /shared among the gateway servers again/);
});

t.test('a balancer that is too old to share limits is named in the log', async (t) => {
  const { logger, lines } = keptLogger();
  const clock = new FakeClock();
  const store = { ask: () => Promise.reject(new SluiceError('invalid', 'the registration endpoint has no such method')) };
  const limits = new Limits({ store, gateway: 'a', environment: () => 'production', clock, random: () => 0.5, logger });
  const policy = [policyOf({ rateLimit: { limit: 100, by: 'all' } }, 'proxyRequest', policyServices({ clock, limits }))];
  t.equal(await passes(policy, 150), 100, 'its own share');
  await clock.pass(20_000);
  t.equal(limits.counts.calls, 1, 'and is not asked again soon');
  t.match(
    lines.map(({ msg }) => msg),
    [/the balancer is older and shares no limits.*update the balancer/],
  );
});

t.test('bad settings are refused with the place and the remedy', async (t) => {
  const cases: [Entry, RegExp][] = [
    [{ rateLimit: {} }, /rateLimit\.limit: must be a whole number/],
    [{ rateLimit: { limit: 0 } }, /must be from 1 to/],
    [{ rateLimit: { limit: 1.5 } }, /whole number/],
    [{ rateLimit: { limit: 'fast' } }, /^[^,]*rateLimit\.limit: must be a whole number$/],
    [{ rateLimit: { limit: 10, burst: 'many', cost: { estimate: 5, usage: 'u' } } }, /^[^,]*rateLimit\.burst: must be a whole number$/],
    [{ rateLimit: { limit: 5, window: '0s' } }, /at least 1ms/],
    [{ rateLimit: { limit: 1_000_000_001 } }, /must be from 1 to 1000000000/],
    [{ rateLimit: { limit: 1_000_000_000, window: '500ms' } }, /rateLimit\.limit: must be at most 1000000000 requests a second/],
    [{ rateLimit: { limit: 5, by: 'ip' } }, /must be consumer, client-ip, header:NAME, claim:NAME or all/],
    [{ rateLimit: { limit: 5, by: 'header:a b' } }, /must be consumer, client-ip/],
    [{ rateLimit: { limit: 5, by: 'claim:' } }, /must be consumer, client-ip/],
    [{ rateLimit: { limit: 5, period: 'day' } }, /period/],
    [{ rateLimit: { limit: 5, cost: { estimate: 6, usage: 'u' } } }, /cost\.estimate: must be at most burst/],
    [{ rateLimit: { limit: 5, cost: { estimate: 1, usage: 'a..b' } } }, /cost\.usage: must be names of members/],
    [{ quota: { limit: 5 } }, /quota\.period/],
    [{ quota: { limit: 5, period: 'year' } }, /period/],
    [{ spikeArrest: { rate: '30/d' } }, /must be a rate such as 100\/s or 30\/m/],
    [{ spikeArrest: { rate: 30 } }, /must be a rate such as/],
    [{ spikeArrest: { rate: '0/s' } }, /must be from 1/],
    [{ concurrency: { limit: -1 } }, /must be from 1/],
  ];
  for (const [entry, fault] of cases) t.match(faultsOf(entry).join(), fault, JSON.stringify(entry));
  for (const name of ['rateLimit', 'quota', 'spikeArrest', 'concurrency'])
    t.match(faultsOf({ [name]: { limit: 1 } }, 'proxyResponse').join(), /cannot run at proxyResponse/);
  t.same(faultsOf({ rateLimit: { limit: '250' } }), [], 'a number from a variable');
});
