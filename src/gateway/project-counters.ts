import { RetryBudget } from '../proxy/retry.ts';
import { ConsumerCounts } from './consumer-counts.ts';
import type { RecentConsumers } from './recent-consumers.ts';
import { RequestRate } from './request-rate.ts';
import { ResourceCounter } from './resource-counter.ts';

/** Counters of one project: by path of a resource, by target, by consumer, and of requests that match no resource. They are kept across revisions. */
export class ProjectCounters {
  readonly resources = new Map<string, ResourceCounter>();
  readonly budgets = new Map<string, RetryBudget>();
  /** Attempts per second, by target. */
  readonly rates = new Map<string, RequestRate>();
  readonly unmatched: ResourceCounter;
  readonly consumers: ConsumerCounts;
  /** Counters of the previous revision; not the whole object, which would keep alive every revision before. */
  readonly #earlier: Pick<ProjectCounters, 'resources' | 'budgets' | 'rates'> | undefined;

  /** @param previous counters of the previous revision, which are continued for resources and targets that still exist @param recent consumers of all projects of the server */
  constructor(previous: ProjectCounters | undefined, recent?: RecentConsumers) {
    this.#earlier = previous && { resources: previous.resources, budgets: previous.budgets, rates: previous.rates };
    this.unmatched = previous?.unmatched ?? new ResourceCounter();
    this.consumers = previous?.consumers ?? new ConsumerCounts(recent);
  }

  /** Counter of a resource by its path as written in the project; resources with the same path share it. */
  resource(path: string): ResourceCounter {
    const counter = this.resources.get(path) ?? this.#earlier?.resources.get(path) ?? new ResourceCounter();
    this.resources.set(path, counter);
    return counter;
  }

  /** Retry budget of a target, by its name. */
  budget(target: string): RetryBudget {
    const budget = this.budgets.get(target) ?? this.#earlier?.budgets.get(target) ?? new RetryBudget();
    this.budgets.set(target, budget);
    return budget;
  }

  /** Rate of the attempts at a target, by its name. */
  rate(target: string): RequestRate {
    const rate = this.rates.get(target) ?? this.#earlier?.rates.get(target) ?? new RequestRate();
    this.rates.set(target, rate);
    return rate;
  }
}
