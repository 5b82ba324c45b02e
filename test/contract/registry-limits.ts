import type { Test } from 'tap';
import { type LimitAsk, type LimitRule, micro, noPart } from '../../src/limits/limit-store.ts';
import type { Open } from './registry.ts';

function ask(key: string, rule: LimitRule, given: Partial<LimitAsk> = {}): LimitAsk {
  return {
    key: key.padEnd(22, '_'),
    rule,
    version: 'v',
    back: 0,
    keep: 0,
    need: 0,
    unit: micro,
    demand: 0,
    exact: false,
    ...noPart,
    ...given,
  };
}

const minute: LimitRule = { kind: 'bucket', limit: 600 * micro, window: 60_000_000, burst: 10 * micro };
const month: LimitRule = { kind: 'quota', limit: 10 * micro, period: 'month' };
const slots: LimitRule = { kind: 'slots', limit: 3 * micro };

/** Limits that gateway servers share. */
export function limits(t: Test, open: Open): void {
  t.test('all gateways together get no more of a limit than it has', async (t) => {
    const { registry, other } = await open(t);
    for (const rule of [minute, month]) {
      const needs = ask(rule.kind, rule, { need: 4 * micro });
      const grants = [];
      for (const [index, store] of [registry, other, registry, other].entries()) grants.push(await store.limits?.ask(`g${index}`, [needs]));
      const given = grants.map((answer) => Math.floor((answer?.[0]?.tokens ?? 0) / micro));
      t.ok(given[0] === 4 && given[1] === 4, `${rule.kind}: ${given}`);
      // A bucket has regained some, if the machine was slow.
      if (rule.kind === 'quota') t.same(given, [4, 4, 2, 0]);
      t.ok((grants[1]?.[0]?.left ?? 0) >= 2 * micro);
    }
  });

  t.test('slots come back, and each gateway holds its own', async (t) => {
    const { registry, other } = await open(t);
    const take = async (gateway: string, given: Partial<LimitAsk>) =>
      ((await other.limits?.ask(gateway, [ask('slots', slots, { exact: true, ...given })]))?.[0]?.tokens ?? -1) / micro;
    t.equal(await take('a', { need: 2 * micro }), 2);
    t.equal(await take('b', { need: 2 * micro }), 1);
    t.equal(await take('b', { keep: micro, need: micro }), 0);
    t.equal(await take('a', { keep: micro, back: micro }), 0, 'gives one back');
    const [grant] = (await registry.limits?.ask('b', [ask('slots', slots, { keep: micro, need: micro, exact: true })])) ?? [];
    t.match(grant, { tokens: micro, cap: 2 * micro, left: 0, gateways: 2 });
  });

  t.test('one call carries many keys', async (t) => {
    const { registry } = await open(t);
    const asks = Array.from({ length: 100 }, (_, index) => ask(`k${index}`, month, { need: index * micro, exact: true }));
    const grants = await registry.limits?.ask('a', asks);
    t.same(
      grants?.map(({ tokens }) => tokens / micro),
      asks.map((_, index) => Math.min(10, index)),
    );
  });
}
