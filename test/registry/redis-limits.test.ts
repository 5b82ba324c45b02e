import { Redis } from 'ioredis';
import t from 'tap';
import { answerAsk } from '../../src/limits/answer-ask.ts';
import type { LimitState } from '../../src/limits/limit-parts.ts';
import { type LimitAsk, type LimitRule, micro, noPart, quotaPeriods } from '../../src/limits/limit-store.ts';
import { limitScript } from '../../src/registry/redis/limit-script.ts';
import { RedisLimitStore } from '../../src/registry/redis/redis-limit-store.ts';
import fc from '../tools/fast-check.ts';
import { startRedis } from '../tools/redis.ts';

/** The script with a clock of the test: its last argument is the time. */
const timed = limitScript.replace("local time = redis.call('TIME')", 'local time = {0, tonumber(table.remove(ARGV))}');

const tokens = fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 2000 * micro }));
const rule: fc.Arbitrary<LimitRule> = fc.oneof(
  fc.record({
    kind: fc.constant('bucket' as const),
    limit: fc.integer({ min: 1, max: 2000 }).map((limit) => limit * micro),
    window: fc.constantFrom(1_000_000, 100_000, 60_000_000, 333_333),
    burst: fc.integer({ min: 1, max: 3000 }).map((burst) => burst * micro),
  }),
  fc.record({
    kind: fc.constant('quota' as const),
    limit: fc.integer({ min: 1, max: 5000 }).map((limit) => limit * micro),
    period: fc.constantFrom(...quotaPeriods),
  }),
  fc.record({ kind: fc.constant('slots' as const), limit: fc.integer({ min: 1, max: 50 }).map((limit) => limit * micro) }),
);
const step = fc.record({
  gateway: fc.constantFrom('a', 'b', 'gateway-3'),
  /** Microseconds since the step before; sometimes a clock is set back. */
  after: fc.oneof(fc.integer({ min: 0, max: 3_000_000 }), fc.integer({ min: -1000, max: 40_000_000 }), fc.constant(40 * 86_400_000_000)),
  back: tokens,
  keep: tokens,
  need: tokens,
  unit: fc.constantFrom(micro, 1, 3 * micro),
  demand: tokens,
  exact: fc.boolean(),
  home: fc.boolean(),
  rate: tokens,
  cap: tokens,
  /** Microseconds before the time of the step, or none. */
  answered: fc.option(fc.integer({ min: -5_000_000, max: 5_000_000 })),
  doubt: fc.boolean(),
});

t.test('the script in Redis answers exactly as the same rules elsewhere do', async (t) => {
  const { url } = await startRedis(t);
  const redis = new Redis(url);
  t.teardown(() => redis.disconnect());
  let now = 0;
  const store = new RedisLimitStore('{test}', (keys, args) => redis.eval(timed, keys.length, ...keys, ...args, `${now}`));
  let sequence = 0;
  await fc.assert(
    fc.asyncProperty(rule, fc.array(step, { minLength: 1, maxLength: 25 }), async (rule, steps) => {
      const key = `${sequence++}`.padStart(22, '0');
      let state: LimitState | undefined;
      now = 1_795_000_000_000_000;
      for (const { gateway, after, answered, ...given } of steps) {
        now += after;
        const ask: LimitAsk = { key, rule, version: 'v', at: answered === null ? 0 : now - answered, ...given };
        const expected = answerAsk(state, { gateway: `${gateway}/v`, ask, now });
        state = expected.state;
        const [seen] = await store.ask(gateway, [ask]);
        if (JSON.stringify(sorted(seen)) !== JSON.stringify(sorted(expected.grant)))
          throw new Error(`${JSON.stringify(ask)}: ${JSON.stringify(seen)} instead of ${JSON.stringify(expected.grant)}`);
      }
    }),
    { numRuns: 300, seed: 3 },
  );
  const ttls = await Promise.all((await redis.keys('{test}:limit:*')).map((key) => redis.pttl(key)));
  t.ok(ttls.length > 100 && ttls.every((ttl) => ttl > 0), 'every key expires');
});

t.test('one call answers for many keys, in order', async (t) => {
  const { url } = await startRedis(t);
  const redis = new Redis(url);
  t.teardown(() => redis.disconnect());
  const store = new RedisLimitStore('{test}', (keys, args) => redis.eval(limitScript, keys.length, ...keys, ...args));
  const asks = Array.from({ length: 256 }, (_, index) => {
    const rule = { kind: 'quota', limit: (index + 1) * micro, period: 'month' } as const;
    return {
      key: `${index}`.padStart(22, 'k'),
      rule,
      version: 'v',
      back: 0,
      keep: 0,
      need: micro,
      unit: micro,
      demand: 0,
      exact: true,
      ...noPart,
    };
  });
  const grants = await store.ask('a', asks);
  t.same(
    grants.map(({ tokens, left }) => [tokens / micro, left / micro]),
    asks.map((_, index) => [1, index]),
  );
});

function sorted(grant: object | undefined): [string, unknown][] {
  return Object.entries(grant ?? {}).sort(([one], [other]) => (one < other ? -1 : 1));
}
