import { ExchangeTally } from '../proxy/exchange-tally.ts';
import { RetryBudget } from '../proxy/retry.ts';

/** What is counted of one project: by path of a resource, by target, and what found no resource. It outlives revisions. */
export class ProjectTallies {
  readonly resources = new Map<string, ExchangeTally>();
  readonly budgets = new Map<string, RetryBudget>();
  readonly missed: ExchangeTally;
  readonly #previous: ProjectTallies | undefined;

  /** @param previous of the revision before: what both have in common is counted on */
  constructor(previous: ProjectTallies | undefined) {
    this.#previous = previous;
    this.missed = previous?.missed ?? new ExchangeTally();
  }

  /** Of a resource, by its path as the project writes it: those of one path count together. */
  resource(path: string): ExchangeTally {
    const tally = this.resources.get(path) ?? this.#previous?.resources.get(path) ?? new ExchangeTally();
    this.resources.set(path, tally);
    return tally;
  }

  budget(target: string): RetryBudget {
    const budget = this.budgets.get(target) ?? this.#previous?.budgets.get(target) ?? new RetryBudget();
    this.budgets.set(target, budget);
    return budget;
  }
}
