import type { Picker } from '../balance/contract.ts';
import type { Random } from '../model/clock.ts';
import { environmentSpec } from '../model/environment.ts';
import { duration } from '../model/quantity.ts';
import { mergedTuning, type RouteTuning } from '../model/route-tuning.ts';
import type { Exchange, Outcome, Route, RouteSettings } from '../proxy/contract.ts';
import type { RetryBudget } from '../proxy/retry.ts';
import { hostLine, type Rewrite } from '../proxy/rewrite.ts';
import type { Upstream } from '../proxy/upstream.ts';
import type { Match } from './match.ts';
import { PolicyRun } from './policy-run.ts';
import type { RequestRate } from './request-rate.ts';
import type { TargetFailureLog } from './target-failure-log.ts';
import type { TargetHealth } from './target-health.ts';

/** One URL of a target. */
export interface Endpoint {
  readonly upstream: Upstream;
  /** Rate of the attempts at its target. */
  readonly rate: RequestRate;
  /** Path of the URL without a trailing slash; the rest of the request's path is appended to it. */
  readonly prefix: string;
  /** Path of the URL as written, for a request whose rest of the path is empty. */
  readonly root: string;
  /** Host of the URL, with its port unless that is the scheme's default. */
  readonly host: string;
  /** The line of Host with that host. */
  readonly hostLine: Buffer;
  /** Health of the target; undefined: its URLs are neither checked nor ejected. */
  readonly health: TargetHealth | undefined;
}

const defaults = environmentSpec.parse({});
const maxAttempts = 10;
const none: readonly Upstream[] = [];
/** Result of every rewrite: an object for each request would be garbage. */
const rewritten: { -readonly [Key in keyof Rewrite]: Rewrite[Key] } = { target: '', host: '', hostLine: hostLine('') };

/** Inputs of a {@link TargetRoute}. */
interface RouteParts {
  readonly endpoints: readonly Endpoint[];
  readonly picker: Picker<Upstream>;
  readonly failover: TargetRoute | undefined;
  readonly tuning: RouteTuning;
  readonly failureLog: TargetFailureLog | undefined;
  readonly budget: RetryBudget;
  readonly random: Random;
}

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

  readonly #parts: RouteParts;
  /** After each URL has failed, they are tried again, as long as the settings allow for attempts. */
  readonly #repeats: boolean;
  /** URLs of the target or of its failover targets are checked or ejected. */
  readonly #watched: boolean;
  /** Routes with other settings, by these. */
  readonly #tuned = new Map<string, TargetRoute>();

  constructor(parts: RouteParts) {
    const { endpoints, picker, failover, tuning, failureLog, budget } = parts;
    this.#parts = parts;
    this.#repeats = tuning.retries?.attempts !== undefined;
    this.budget = budget;
    this.#picker = picker;
    this.#failover = failover;
    this.#failureLog = failureLog;
    this.#endpoints = new Map([
      ...endpoints.map((endpoint) => [endpoint.upstream, endpoint] as const),
      ...(failover ? failover.#endpoints : []),
    ]);
    this.#watched = [...this.#endpoints.values()].some(({ health }) => health !== undefined);
    this.settings = {
      retries: retriesOf(tuning.retries, this.#endpoints.size),
      limits: defaults.limits,
      timeouts: timeoutsOf(tuning.timeouts),
      exposeServer: false,
    };
  }

  /** This route with other settings. It has the same upstreams, which are picked in turn with the requests of this one. */
  tunedBy(tunings: readonly RouteTuning[]): TargetRoute {
    const tuning = mergedTuning([this.#parts.tuning, ...tunings]);
    const key = JSON.stringify(tuning);
    const route = this.#tuned.get(key) ?? new TargetRoute({ ...this.#parts, tuning });
    this.#tuned.set(key, route);
    return route;
  }

  pick(_exchange: Exchange, tried: readonly Upstream[]): Upstream | undefined {
    const upstream = this.pickWell(tried);
    return upstream === undefined && this.#watched && this.#allOut ? this.pickAny(tried) : upstream;
  }

  rewrite(exchange: Exchange, upstream: Upstream): Rewrite | undefined {
    const endpoint = this.#endpoints.get(upstream);
    if (endpoint === undefined) return undefined;
    const { tail, host } = exchange.context as Match;
    rewritten.target = tail.startsWith('/') ? endpoint.prefix + tail : endpoint.root + tail;
    rewritten.host = host ?? endpoint.host;
    rewritten.hostLine = host === undefined ? endpoint.hostLine : hostLine(host);
    return rewritten;
  }

  observe(upstream: Upstream, outcome: Outcome): void {
    this.#failureLog?.observe(upstream, outcome);
    const endpoint = this.#endpoints.get(upstream);
    if (outcome.kind !== 'aborted') endpoint?.rate.countWithoutClock();
    endpoint?.health?.observe(upstream, outcome);
  }

  respond(exchange: Exchange): void {
    const match = exchange.context as Match;
    if (match.run === undefined && match.resource.policies.response.length === 0) return;
    match.run ??= new PolicyRun(exchange, match.resource);
    match.run.respond();
  }

  /** True if no URL that gets requests is well, neither here nor at the failover targets. */
  get #allOut(): boolean {
    for (const { out, weight } of this.#endpoints.keys()) if (!out && weight > 0) return false;
    return true;
  }

  /** The next URL that is well. */
  private pickWell(tried: readonly Upstream[]): Upstream | undefined {
    const upstream = this.#picker.pick(0, tried) ?? this.#failover?.pickWell(tried);
    return upstream === undefined && this.#repeats && tried.length > 0 ? this.#picker.pick(0, none) : upstream;
  }

  /** Picks a URL by chance and weight, whatever its health: the checks themselves may be wrong. */
  private pickAny(tried: readonly Upstream[]): Upstream | undefined {
    const { endpoints, random } = this.#parts;
    const upstream = byChance(endpoints, tried, random) ?? this.#failover?.pickAny(tried);
    return upstream === undefined && this.#repeats && tried.length > 0 ? byChance(endpoints, none, random) : upstream;
  }
}

function byChance(endpoints: readonly Endpoint[], tried: readonly Upstream[], random: Random): Upstream | undefined {
  const untried = endpoints.map(({ upstream }) => upstream).filter((upstream) => upstream.weight > 0 && !tried.includes(upstream));
  let rest = random() * untried.reduce((sum, { weight }) => sum + weight, 0);
  for (const upstream of untried) {
    rest -= upstream.weight;
    if (rest < 0) return upstream;
  }
  return untried.at(-1);
}

/** Timeouts of the target, which hold for its failover targets too; defaults where the project sets none. */
function timeoutsOf({ connect, responseHead, total }: NonNullable<RouteTuning['timeouts']> = {}): RouteSettings['timeouts'] {
  return {
    ...defaults.timeouts,
    ...(connect !== undefined && { connect: duration.parse(connect) }),
    ...(responseHead !== undefined && { responseHead: duration.parse(responseHead) }),
    ...(total !== undefined && { total: duration.parse(total) }),
  };
}

function retriesOf({ attempts, statuses, methods }: NonNullable<RouteTuning['retries']> = {}, urls: number): RouteSettings['retries'] {
  return {
    ...defaults.retries,
    attempts: attempts ?? Math.min(maxAttempts, Math.max(defaults.retries.attempts, urls)),
    ...(statuses !== undefined && { statuses: [...statuses] }),
    ...(methods !== undefined && { methods: [...methods] }),
  };
}
