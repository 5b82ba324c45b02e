import * as z from 'zod';
import { holderOf, type LimitAsk, type LimitGrant, type LimitRule, type LimitStore } from '../../limits/limit-store.ts';

const number = z.coerce.number();
const rows = z.array(z.tuple([number, number, number, number, number, number, number, number, number, number, number, z.string()]));

/** A {@link LimitStore} in Redis: one atomic script a call, whatever the number of keys. It runs by Redis' clock. */
export class RedisLimitStore implements LimitStore {
  readonly #prefix: string;
  readonly #run: (keys: readonly string[], args: readonly string[]) => Promise<unknown>;

  /**
   * @param prefix prefix of the keys
   * @param run runs the script, and rejects with `unavailable` if Redis cannot be reached or refuses it
   */
  constructor(prefix: string, run: (keys: readonly string[], args: readonly string[]) => Promise<unknown>) {
    this.#prefix = prefix;
    this.#run = run;
  }

  async ask(gateway: string, asks: readonly LimitAsk[]): Promise<readonly LimitGrant[]> {
    const keys = asks.map(({ key }) => `${this.#prefix}:limit:${key}`);
    const args = asks.flatMap((ask) => {
      const { rule, back, keep, need, unit, demand, exact, home, rate, cap, at, doubt } = ask;
      return [
        holderOf(gateway, ask),
        ...ruleArgs(rule),
        ...[back, keep, need, unit, demand, exact ? 1 : 0, home ? 1 : 0, rate, cap, at, doubt ? 1 : 0].map(String),
      ];
    });
    const answer = rows.parse(await this.#run(keys, args));
    return answer.map(([tokens, rate, cap, term, left, scarce, ends, gateways, wanted, at, spare, home]) => ({
      ...{ tokens, rate, cap, term, left, ends, gateways, wanted, at, spare, home },
      scarce: scarce === 1,
    }));
  }
}

function ruleArgs(rule: LimitRule): string[] {
  switch (rule.kind) {
    case 'bucket':
      return [rule.kind, `${rule.limit}`, `${rule.window}`, `${rule.burst}`];
    case 'quota':
      return [rule.kind, `${rule.limit}`, rule.period, ''];
    case 'slots':
      return [rule.kind, `${rule.limit}`, '', ''];
  }
}
