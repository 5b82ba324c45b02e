import { ExchangeCounter } from '../proxy/exchange-counter.ts';
import { RetryBudget } from '../proxy/retry.ts';

/** What is counted of one project: by path of a resource, by target, and what found no resource. It outlives revisions. */
export class ProjectCounters {
  readonly resources = new Map<string, ExchangeCounter>();
  readonly budgets = new Map<string, RetryBudget>();
  readonly missed: ExchangeCounter;
  readonly #previous: ProjectCounters | undefined;

  /** @param previous of the revision before: what both have in common is counted on */
  constructor(previous: ProjectCounters | undefined) {
    this.#previous = previous;
    this.missed = previous?.missed ?? new ExchangeCounter();
  }

  /** Of a resource, by its path as the project writes it: those of one path count together. */
  resource(path: string): ExchangeCounter {
    const counter = this.resources.get(path) ?? this.#previous?.resources.get(path) ?? new ExchangeCounter();
    this.resources.set(path, counter);
    return counter;
  }

  budget(target: string): RetryBudget {
    const budget = this.budgets.get(target) ?? this.#previous?.budgets.get(target) ?? new RetryBudget();
    this.budgets.set(target, budget);
    return budget;
  }
}
