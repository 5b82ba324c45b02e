import { pickers } from '../balance/index.ts';
import { TlsConnector, type TlsSettings } from '../http1/connection/tls-connector.ts';
import type { Random } from '../model/clock.ts';
import type { Fault } from '../model/fault.ts';
import type { Project } from '../model/project.ts';
import { isCertificates, isTargetUrl, type Target } from '../model/target.ts';
import { Upstream } from '../proxy/upstream.ts';
import type { ProjectCounters } from './project-counters.ts';
import type { TargetFailureLog } from './target-failure-log.ts';
import { type Endpoint, TargetRoute } from './target-route.ts';
import { substitute, type Variables } from './variables.ts';

/** A target of a project after its variables were replaced and its URLs checked. */
interface Plan {
  readonly name: string;
  readonly urls: readonly { readonly url: URL; readonly weight: number }[];
  readonly failover: string | undefined;
  readonly timeouts: Target['timeouts'];
  /** TLS settings for the https URLs. */
  readonly tls: TlsSettings;
}

/** Routes and upstreams of one project's targets. */
export interface CompiledTargets {
  readonly routes: ReadonlyMap<string, TargetRoute>;
  /** Keyed by target, URL and TLS settings: an upstream with the same key is reused by the next revision. */
  readonly upstreams: ReadonlyMap<string, Upstream>;
}

/** Replaces the variables in a project's targets and checks them; adds each fault to `faults`. */
export function planTargets(targets: Project['targets'], variables: Variables, faults: Fault[]): Plan[] {
  const plans = Object.entries(targets).map(([name, { url, urls, failover, timeouts, tls }]): Plan => {
    const written =
      url === undefined
        ? (urls ?? []).map((entry, index) => ({ ...entry, path: `targets.${name}.urls.${index}.url` }))
        : [{ url, weight: 1, path: `targets.${name}.url` }];
    const usable: { url: URL; weight: number }[] = [];
    for (const { url: text, weight, path } of written) {
      const before = faults.length;
      const resolved = substitute(text, variables, path, faults);
      if (faults.length > before) continue;
      const parsed = isTargetUrl(resolved) ? new URL(resolved) : undefined;
      // Show the text as written, since a variable's value may be a secret.
      if (parsed === undefined)
        faults.push({ path, message: `"${text}" does not make an http:// or https:// URL without user, query and fragment` });
      else if (usable.some((other) => other.url.href === parsed.href))
        faults.push({ path, message: `"${text}" is listed twice; give it more weight instead` });
      else usable.push({ url: parsed, weight });
    }
    if (usable.length > 0 && usable.every(({ weight }) => weight === 0))
      faults.push({ path: `targets.${name}`, message: 'every URL has weight 0: give at least one a higher weight' });
    return { name, urls: usable, failover, timeouts, tls: planTls(tls, name, usable, variables, faults) };
  });
  checkFailovers(plans, faults);
  return plans;
}

function planTls(tls: Target['tls'], name: string, urls: Plan['urls'], variables: Variables, faults: Fault[]): TlsSettings {
  if (tls === undefined) return {};
  const path = `targets.${name}.tls`;
  const before = faults.length;
  const ca = tls.ca === undefined ? undefined : substitute(tls.ca, variables, `${path}.ca`, faults);
  if (ca !== undefined && faults.length === before && !isCertificates(ca))
    faults.push({ path: `${path}.ca`, message: 'must contain one or more certificates in PEM' });
  if (urls.length > 0 && urls.every(({ url }) => url.protocol === 'http:'))
    faults.push({ path, message: 'has no effect, because no URL of the target is https://' });
  return { ...tls, ca };
}

function checkFailovers(plans: readonly Plan[], faults: Fault[]): void {
  const next = new Map(plans.map(({ name, failover }) => [name, failover]));
  for (const { name } of plans) {
    const seen = new Set<string>();
    let at: string | undefined = name;
    while (at !== undefined && !seen.has(at)) {
      seen.add(at);
      at = next.get(at);
    }
    if (at === name)
      faults.push({ path: `targets.${name}.failover`, message: `leads back to ${name} itself: ${[...seen, name].join(' -> ')}` });
  }
}

/** Inputs of {@link buildTargets} besides the plans. */
export interface BuildOptions {
  /** Upstreams of the previous revision. */
  readonly known: ReadonlyMap<string, Upstream>;
  readonly random: Random;
  readonly failureLog: TargetFailureLog | undefined;
  readonly counters: ProjectCounters;
}

/** Builds the routes. Reuses each upstream of `known` with the same target, URL and TLS settings, with its connections and counts. */
export function buildTargets(plans: readonly Plan[], { known, random, failureLog, counters }: BuildOptions): CompiledTargets {
  const upstreams = new Map<string, Upstream>();
  const routes = new Map<string, TargetRoute>();
  const byName = new Map(plans.map((plan) => [plan.name, plan]));
  const build = (plan: Plan): TargetRoute => {
    const built = routes.get(plan.name);
    if (built !== undefined) return built;
    const endpoints = plan.urls.map(({ url, weight }): Endpoint => {
      const id = `${plan.name} ${url.href}`;
      const key = url.protocol === 'https:' ? `${id} ${JSON.stringify(plan.tls)}` : id;
      const upstream = known.get(key) ?? upstreamOf(id, url, plan.tls);
      upstream.weight = weight;
      upstreams.set(key, upstream);
      return { upstream, prefix: url.pathname.replace(/\/$/, ''), root: url.pathname, host: url.host };
    });
    const failover = plan.failover === undefined ? undefined : byName.get(plan.failover);
    const servers = endpoints.map(({ upstream }) => upstream);
    const picker = pickers['round-robin'](servers, random);
    const route = new TargetRoute({
      endpoints,
      picker,
      failover: failover && build(failover),
      timeouts: plan.timeouts,
      failureLog,
      budget: counters.budget(plan.name),
    });
    routes.set(plan.name, route);
    return route;
  };
  for (const plan of plans) build(plan);
  return { routes, upstreams };
}

function upstreamOf(id: string, url: URL, tls: TlsSettings): Upstream {
  const secure = url.protocol === 'https:' ? new TlsConnector(tls) : undefined;
  return new Upstream({ id, host: url.hostname.replace(/^\[|\]$/g, ''), port: Number(url.port || (secure ? 443 : 80)), secure });
}
