import { ExchangeCounter } from '../proxy/exchange-counter.ts';
import { RetryBudget } from '../proxy/retry.ts';

/** Counters of one project: by path of a resource, by target, and of requests that match no resource. They are kept across revisions. */
export class ProjectCounters {
  readonly resources = new Map<string, ExchangeCounter>();
  readonly budgets = new Map<string, RetryBudget>();
  readonly unmatched: ExchangeCounter;
  /** Counters of the previous revision; not the whole object, which would keep alive every revision before. */
  readonly #earlier: Pick<ProjectCounters, 'resources' | 'budgets'> | undefined;

  /** @param previous counters of the previous revision, which are continued for resources and targets that still exist */
  constructor(previous: ProjectCounters | undefined) {
    this.#earlier = previous && { resources: previous.resources, budgets: previous.budgets };
    this.unmatched = previous?.unmatched ?? new ExchangeCounter();
  }

  /** Counter of a resource by its path as written in the project; resources with the same path share it. */
  resource(path: string): ExchangeCounter {
    const counter = this.resources.get(path) ?? this.#earlier?.resources.get(path) ?? new ExchangeCounter();
    this.resources.set(path, counter);
    return counter;
  }

  /** Retry budget of a target, by its name. */
  budget(target: string): RetryBudget {
    const budget = this.budgets.get(target) ?? this.#earlier?.budgets.get(target) ?? new RetryBudget();
    this.budgets.set(target, budget);
    return budget;
  }
}
