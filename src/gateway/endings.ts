import type { Ending } from '../policies/contract.ts';
import type { EndFacts, Exchange, ExchangeWatcher } from '../proxy/contract.ts';

/** Tells policies that an exchange has ended, the outermost last. Others who watched the exchange before still hear of its end. */
export class Endings implements ExchangeWatcher {
  /** Absent unless somebody else needs the whole record, which is put together for that. */
  readonly ended?: NonNullable<ExchangeWatcher['ended']>;
  readonly #exchange: Exchange;
  readonly #other: ExchangeWatcher | undefined;
  readonly #done: ((ending: Ending) => void)[] = [];

  /** Watches the exchange. */
  constructor(exchange: Exchange) {
    const other = exchange.watcher;
    this.#exchange = exchange;
    this.#other = other;
    if (other?.ended !== undefined) this.ended = (record) => other.ended?.(record);
    exchange.watcher = this;
  }

  add(done: (ending: Ending) => void): void {
    this.#done.push(done);
  }

  settled(facts: EndFacts): void {
    const { status, octets, durationMs, server, aborted } = facts;
    const ending = { status, octets, durationMs, server, aborted, blame: this.#exchange.blame };
    for (let index = this.#done.length - 1; index >= 0; index--) this.#done[index]?.(ending);
    this.#other?.settled?.(facts);
  }
}
