import { pickers } from '../balance/index.ts';
import { Secure, type SecureSettings } from '../http1/connection/secure.ts';
import type { Random } from '../model/clock.ts';
import type { Fault } from '../model/fault.ts';
import { isCertificates, isTargetUrl, type Project, type Target } from '../model/project.ts';
import { Upstream } from '../proxy/upstream.ts';
import type { ProjectCounters } from './project-counters.ts';
import { type Endpoint, TargetRoute } from './target-route.ts';
import type { Troubles } from './troubles.ts';
import { substitute, type Variables } from './variables.ts';

/** A target whose URLs were found usable. */
interface Plan {
  readonly name: string;
  readonly urls: readonly { readonly url: URL; readonly weight: number }[];
  readonly failover: string | undefined;
  readonly timeouts: Target['timeouts'];
  /** Terms for those of the URLs that are https. */
  readonly tls: SecureSettings;
}

/** The targets of one project, ready for traffic. */
export interface CompiledTargets {
  readonly routes: ReadonlyMap<string, TargetRoute>;
  /** By target, URL and terms of TLS, which is what makes two of them the same over revisions. */
  readonly upstreams: ReadonlyMap<string, Upstream>;
}

/** Checks the targets of a project once the variables are known; what is wrong goes to `faults`. */
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
      // The text as written, since a variable's value may be a secret.
      if (parsed === undefined)
        faults.push({ path, message: `"${text}" does not make an http:// or https:// URL without user, query and fragment` });
      else if (usable.some((other) => other.url.href === parsed.href))
        faults.push({ path, message: `"${text}" is given twice; give it more weight instead` });
      else usable.push({ url: parsed, weight });
    }
    if (usable.length > 0 && usable.every(({ weight }) => weight === 0))
      faults.push({ path: `targets.${name}`, message: 'every URL has weight 0, so that none would get a request' });
    return { name, urls: usable, failover, timeouts, tls: planTls(tls, name, usable, variables, faults) };
  });
  checkFailovers(plans, faults);
  return plans;
}

function planTls(tls: Target['tls'], name: string, urls: Plan['urls'], variables: Variables, faults: Fault[]): SecureSettings {
  if (tls === undefined) return {};
  const path = `targets.${name}.tls`;
  const before = faults.length;
  const ca = tls.ca === undefined ? undefined : substitute(tls.ca, variables, `${path}.ca`, faults);
  if (ca !== undefined && faults.length === before && !isCertificates(ca))
    faults.push({ path: `${path}.ca`, message: 'is not one certificate or more in PEM' });
  if (urls.length > 0 && urls.every(({ url }) => url.protocol === 'http:'))
    faults.push({ path, message: 'has no effect, since no URL of the target is https://' });
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

/** What building takes beside the plans. */
export interface BuildOptions {
  readonly known: ReadonlyMap<string, Upstream>;
  readonly random: Random;
  readonly troubles: Troubles | undefined;
  readonly counters: ProjectCounters;
}

/** Makes the routes; an upstream of `known` with the same target, URL and terms goes on, with its connections and counters. */
export function buildTargets(plans: readonly Plan[], { known, random, troubles, counters }: BuildOptions): CompiledTargets {
  const upstreams = new Map<string, Upstream>();
  const routes = new Map<string, TargetRoute>();
  const byName = new Map(plans.map((plan) => [plan.name, plan]));
  const build = (plan: Plan): TargetRoute => {
    const made = routes.get(plan.name);
    if (made !== undefined) return made;
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
      troubles,
      budget: counters.budget(plan.name),
    });
    routes.set(plan.name, route);
    return route;
  };
  for (const plan of plans) build(plan);
  return { routes, upstreams };
}

function upstreamOf(id: string, url: URL, tls: SecureSettings): Upstream {
  const secure = url.protocol === 'https:' ? new Secure(tls) : undefined;
  return new Upstream({ id, host: url.hostname.replace(/^\[|\]$/g, ''), port: Number(url.port || (secure ? 443 : 80)), secure });
}
