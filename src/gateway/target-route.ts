import type { Picker } from '../balance/contract.ts';
import { environmentSpec } from '../model/environment.ts';
import type { Exchange, Route, RouteSettings } from '../proxy/contract.ts';
import { RetryBudget } from '../proxy/retry.ts';
import type { Upstream } from '../proxy/upstream.ts';
import type { Match } from './match.ts';

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
  readonly budget = new RetryBudget();
  readonly #picker: Picker<Upstream>;
  readonly #failover: TargetRoute | undefined;
  /** Those of the failover too. */
  readonly #endpoints: ReadonlyMap<Upstream, Endpoint>;

  constructor(endpoints: readonly Endpoint[], picker: Picker<Upstream>, failover: TargetRoute | undefined) {
    this.#picker = picker;
    this.#failover = failover;
    this.#endpoints = new Map([
      ...endpoints.map((endpoint) => [endpoint.upstream, endpoint] as const),
      ...(failover ? failover.#endpoints : []),
    ]);
    this.settings = {
      retries: { ...defaults.retries, attempts: Math.min(mostAttempts, Math.max(defaults.retries.attempts, this.#endpoints.size)) },
      limits: defaults.limits,
      timeouts: defaults.timeouts,
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

  respond(exchange: Exchange): void {
    (exchange.context as Match).resource.policies.respond(exchange);
  }
}
