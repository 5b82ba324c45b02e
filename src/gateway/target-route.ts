import type { Picker } from '../balance/contract.ts';
import { environmentSpec } from '../model/environment.ts';
import type { Target } from '../model/project.ts';
import { duration } from '../model/quantity.ts';
import type { Exchange, Outcome, Route, RouteSettings } from '../proxy/contract.ts';
import type { RetryBudget } from '../proxy/retry.ts';
import type { Upstream } from '../proxy/upstream.ts';
import type { Match } from './match.ts';
import type { Troubles } from './troubles.ts';

/** What requests to one URL of a target look like. */
export interface Endpoint {
  readonly upstream: Upstream;
  /** Path of the URL without a trailing slash; goes before what is left of the request's path. */
  readonly prefix: string;
  /** Path of the URL as given, for when nothing is left. */
  readonly root: string;
  /** The URL's host, with its port unless that is the scheme's own. */
  readonly host: string;
}

const defaults = environmentSpec.parse({});
const mostAttempts = 10;

/** The way to one target: its URLs in turn by weight, then, when they failed, those of its failover target. */
export class TargetRoute implements Route {
  readonly settings: RouteSettings;
  readonly budget: RetryBudget;
  readonly #picker: Picker<Upstream>;
  readonly #failover: TargetRoute | undefined;
  /** Those of the failover too. */
  readonly #endpoints: ReadonlyMap<Upstream, Endpoint>;
  readonly #troubles: Troubles | undefined;

  constructor(given: {
    endpoints: readonly Endpoint[];
    picker: Picker<Upstream>;
    failover: TargetRoute | undefined;
    timeouts: Target['timeouts'];
    troubles: Troubles | undefined;
    budget: RetryBudget;
  }) {
    const { endpoints, picker, failover, timeouts, troubles, budget } = given;
    this.budget = budget;
    this.#picker = picker;
    this.#failover = failover;
    this.#troubles = troubles;
    this.#endpoints = new Map([
      ...endpoints.map((endpoint) => [endpoint.upstream, endpoint] as const),
      ...(failover ? failover.#endpoints : []),
    ]);
    this.settings = {
      retries: { ...defaults.retries, attempts: Math.min(mostAttempts, Math.max(defaults.retries.attempts, this.#endpoints.size)) },
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
    this.#troubles?.observe(upstream, outcome);
  }

  respond(exchange: Exchange): void {
    (exchange.context as Match).resource.policies.respond(exchange);
  }
}

/** Those of the target itself, a failover's too while it stands in for it; else the usual ones. */
function timeoutsOf({ connect, responseHead }: NonNullable<Target['timeouts']> = {}): RouteSettings['timeouts'] {
  return {
    ...defaults.timeouts,
    ...(connect !== undefined && { connect: duration.parse(connect) }),
    ...(responseHead !== undefined && { responseHead: duration.parse(responseHead) }),
  };
}
