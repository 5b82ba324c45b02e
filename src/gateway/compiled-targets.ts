import { pickers } from '../balance/index.ts';
import type { AddressGuard } from '../model/address-guard.ts';
import { contentHash } from '../model/content-hash.ts';
import type { OutgoingTls } from '../model/outgoing-tls.ts';
import type { Pieces } from '../model/pieces.ts';
import type { PolicyServices } from '../policies/contract.ts';
import type { TargetPlan } from '../projects/target-plans.ts';
import { hostLine } from '../proxy/rewrite.ts';
import { Upstream } from '../proxy/upstream.ts';
import { TlsConnector } from '../tls/tls-connector.ts';
import type { ProjectCounters } from './project-counters.ts';
import type { TargetFailureLog } from './target-failure-log.ts';
import { TargetHealth } from './target-health.ts';
import { type Endpoint, TargetRoute } from './target-route.ts';
import { UrlHealth } from './url-health.ts';

/** Routes and upstreams of one project's targets. */
export interface CompiledTargets {
  readonly routes: ReadonlyMap<string, TargetRoute>;
  /** Keyed by target, URL and TLS settings: an upstream with the same key is reused by the next revision. */
  readonly upstreams: ReadonlyMap<string, Upstream>;
  /** Health of the URLs that are checked or ejected, by the key of their upstreams and the settings of the checks. */
  readonly health: ReadonlyMap<string, UrlHealth>;
}

/** Inputs of {@link buildTargets} besides the plans. */
export interface BuildOptions {
  readonly project: string;
  /** The previous revision. */
  readonly known: Omit<CompiledTargets, 'routes'> | undefined;
  readonly services: Pick<PolicyServices, 'random' | 'clock' | 'logger'>;
  readonly failureLog: TargetFailureLog | undefined;
  readonly counters: ProjectCounters;
  /** Addresses that targets must not have. */
  readonly guard: AddressGuard | undefined;
}

/** Builds the routes. Reuses each upstream of `known` with the same target, URL and TLS settings, with its connections and counts, and its health if the checks are the same. Each URL is one piece. */
export function* buildTargets(
  plans: readonly TargetPlan[],
  { project, known, services, failureLog, counters, guard }: BuildOptions,
): Pieces<CompiledTargets> {
  const upstreams = new Map<string, Upstream>();
  const health = new Map<string, UrlHealth>();
  const routes = new Map<string, TargetRoute>();
  const { random, clock, logger } = services;
  const byName = new Map(plans.map((plan) => [plan.name, plan]));
  for (const plan of plans) {
    // Its failover comes before a target.
    const chain: TargetPlan[] = [];
    for (let next: TargetPlan | undefined = plan; next && !routes.has(next.name); next = byName.get(next.failover ?? '')) chain.push(next);
    for (const { name, urls, tls, failover, tuning, checks, outlier } of chain.reverse()) {
      const endpoints: Omit<Endpoint, 'health'>[] = [];
      const watched: UrlHealth[] = [];
      for (const { url, weight } of urls) {
        const id = `${name} ${url.href}`;
        const key = url.protocol === 'https:' ? `${id} ${contentHash(tls)}` : id;
        const upstream = known?.upstreams.get(key) ?? upstreamOf(id, url, tls, guard);
        upstream.weight = weight;
        upstreams.set(key, upstream);
        endpoints.push({
          rate: counters.rate(name),
          upstream,
          prefix: url.pathname.replace(/\/$/, ''),
          root: url.pathname,
          host: url.host,
          hostLine: hostLine(url.host),
        });
        if ((checks ?? outlier) !== undefined) {
          const spec = checks && { ...checks, host: checks.host || url.host };
          const place = `${key} ${contentHash(spec ?? {})}`;
          const one =
            known?.health.get(place) ??
            new UrlHealth({ ...{ project, target: name, upstream, checks: spec }, ...{ guard, clock, random, logger } });
          health.set(place, one);
          watched.push(one);
        }
        yield;
      }
      const picker = pickers['round-robin'](
        endpoints.map(({ upstream }) => upstream),
        random,
      );
      const budget = counters.budget(name);
      const ofTarget = watched.length > 0 ? new TargetHealth(watched, outlier) : undefined;
      const healthy = endpoints.map((endpoint) => ({ ...endpoint, health: ofTarget }));
      const before = routes.get(failover ?? '');
      routes.set(name, new TargetRoute({ endpoints: healthy, picker, failover: before, tuning, failureLog, budget, random }));
    }
  }
  return { routes, upstreams, health };
}

function upstreamOf(id: string, url: URL, tls: OutgoingTls, guard: AddressGuard | undefined): Upstream {
  const secure = url.protocol === 'https:' ? new TlsConnector(tls) : undefined;
  const host = url.hostname.replace(/^\[|\]$/g, '');
  return new Upstream({ id, host, port: Number(url.port || (secure ? 443 : 80)), secure, guard });
}
