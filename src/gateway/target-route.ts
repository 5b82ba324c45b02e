import type { Picker } from '../balance/contract.ts';
import { environmentSpec } from '../model/environment.ts';
import { duration } from '../model/quantity.ts';
import type { Target } from '../model/target.ts';
import type { Exchange, Outcome, Route, RouteSettings } from '../proxy/contract.ts';
import type { RetryBudget } from '../proxy/retry.ts';
import type { Upstream } from '../proxy/upstream.ts';
import type { Match } from './match.ts';
import type { TargetFailureLog } from './target-failure-log.ts';

/** One URL of a target. */
export interface Endpoint {
  readonly upstream: Upstream;
  /** Path of the URL without a trailing slash; the rest of the request's path is appended to it. */
  readonly prefix: string;
  /** Path of the URL as written, for a request whose rest of the path is empty. */
  readonly root: string;
  /** Host of the URL, with its port unless that is the scheme's default. */
  readonly host: string;
}

const defaults = environmentSpec.parse({});
const maxAttempts = 10;

/** Route to one target: its URLs in turn by weight, then, when they have failed, the URLs of its failover target. */
export class TargetRoute implements Route {
  readonly settings: RouteSettings;
  readonly budget: RetryBudget;
  readonly blame = 'target';
  readonly #picker: Picker<Upstream>;
  readonly #failover: TargetRoute | undefined;
  /** Endpoints of this target and of its failover targets. */
  readonly #endpoints: ReadonlyMap<Upstream, Endpoint>;
  readonly #failureLog: TargetFailureLog | undefined;

  constructor(given: {
    endpoints: readonly Endpoint[];
    picker: Picker<Upstream>;
    failover: TargetRoute | undefined;
    timeouts: Target['timeouts'];
    failureLog: TargetFailureLog | undefined;
    budget: RetryBudget;
  }) {
    const { endpoints, picker, failover, timeouts, failureLog, budget } = given;
    this.budget = budget;
    this.#picker = picker;
    this.#failover = failover;
    this.#failureLog = failureLog;
    this.#endpoints = new Map([
      ...endpoints.map((endpoint) => [endpoint.upstream, endpoint] as const),
      ...(failover ? failover.#endpoints : []),
    ]);
    this.settings = {
      retries: { ...defaults.retries, attempts: Math.min(maxAttempts, Math.max(defaults.retries.attempts, this.#endpoints.size)) },
      limits: defaults.limits,
      timeouts: timeoutsOf(timeouts),
      exposeServer: false,
    };
  }

  pick(exchange: Exchange, tried: readonly Upstream[]): Upstream | undefined {
    return this.#picker.pick(0, tried) ?? this.#failover?.pick(exchange, tried);
  }

  rewrite(exchange: Exchange, upstream: Upstream): { target: string; host: string } | undefined {
    const endpoint = this.#endpoints.get(upstream);
    if (endpoint === undefined) return undefined;
    const { tail } = exchange.context as Match;
    return { target: tail.startsWith('/') ? endpoint.prefix + tail : endpoint.root + tail, host: endpoint.host };
  }

  observe(upstream: Upstream, outcome: Outcome): void {
    this.#failureLog?.observe(upstream, outcome);
  }

  respond(exchange: Exchange): void {
    (exchange.context as Match).resource.policies.respond(exchange);
  }
}

/** Timeouts of the target, which hold for its failover targets too; defaults where the project sets none. */
function timeoutsOf({ connect, responseHead }: NonNullable<Target['timeouts']> = {}): RouteSettings['timeouts'] {
  return {
    ...defaults.timeouts,
    ...(connect !== undefined && { connect: duration.parse(connect) }),
    ...(responseHead !== undefined && { responseHead: duration.parse(responseHead) }),
  };
}
