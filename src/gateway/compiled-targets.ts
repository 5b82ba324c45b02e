import { pickers } from '../balance/index.ts';
import type { AddressGuard } from '../model/address-guard.ts';
import type { Random } from '../model/clock.ts';
import { contentHash } from '../model/content-hash.ts';
import type { OutgoingTls } from '../model/outgoing-tls.ts';
import type { Pieces } from '../model/pieces.ts';
import type { TargetPlan } from '../projects/target-plans.ts';
import { Upstream } from '../proxy/upstream.ts';
import { TlsConnector } from '../tls/tls-connector.ts';
import type { ProjectCounters } from './project-counters.ts';
import type { TargetFailureLog } from './target-failure-log.ts';
import { type Endpoint, TargetRoute } from './target-route.ts';

/** Routes and upstreams of one project's targets. */
export interface CompiledTargets {
  readonly routes: ReadonlyMap<string, TargetRoute>;
  /** Keyed by target, URL and TLS settings: an upstream with the same key is reused by the next revision. */
  readonly upstreams: ReadonlyMap<string, Upstream>;
}

/** Inputs of {@link buildTargets} besides the plans. */
export interface BuildOptions {
  /** Upstreams of the previous revision. */
  readonly known: ReadonlyMap<string, Upstream>;
  readonly random: Random;
  readonly failureLog: TargetFailureLog | undefined;
  readonly counters: ProjectCounters;
  /** Addresses that targets must not have. */
  readonly guard: AddressGuard | undefined;
}

/** Builds the routes. Reuses each upstream of `known` with the same target, URL and TLS settings, with its connections and counts. Each URL is one piece. */
export function* buildTargets(
  plans: readonly TargetPlan[],
  { known, random, failureLog, counters, guard }: BuildOptions,
): Pieces<CompiledTargets> {
  const upstreams = new Map<string, Upstream>();
  const routes = new Map<string, TargetRoute>();
  const byName = new Map(plans.map((plan) => [plan.name, plan]));
  for (const plan of plans) {
    // Its failover comes before a target.
    const chain: TargetPlan[] = [];
    for (let next: TargetPlan | undefined = plan; next && !routes.has(next.name); next = byName.get(next.failover ?? '')) chain.push(next);
    for (const { name, urls, tls, failover, timeouts } of chain.reverse()) {
      const endpoints: Endpoint[] = [];
      for (const { url, weight } of urls) {
        const id = `${name} ${url.href}`;
        const key = url.protocol === 'https:' ? `${id} ${contentHash(tls)}` : id;
        const upstream = known.get(key) ?? upstreamOf(id, url, tls, guard);
        upstream.weight = weight;
        upstreams.set(key, upstream);
        endpoints.push({ upstream, prefix: url.pathname.replace(/\/$/, ''), root: url.pathname, host: url.host });
        yield;
      }
      const picker = pickers['round-robin'](
        endpoints.map(({ upstream }) => upstream),
        random,
      );
      const budget = counters.budget(name);
      routes.set(name, new TargetRoute({ endpoints, picker, failover: routes.get(failover ?? ''), timeouts, failureLog, budget }));
    }
  }
  return { routes, upstreams };
}

function upstreamOf(id: string, url: URL, tls: OutgoingTls, guard: AddressGuard | undefined): Upstream {
  const secure = url.protocol === 'https:' ? new TlsConnector(tls) : undefined;
  const host = url.hostname.replace(/^\[|\]$/g, '');
  return new Upstream({ id, host, port: Number(url.port || (secure ? 443 : 80)), secure, guard });
}
