import { pickers } from '../balance/index.ts';
import type { Random } from '../model/clock.ts';
import type { Fault } from '../model/fault.ts';
import { isTargetUrl, type Project } from '../model/project.ts';
import { Upstream } from '../proxy/upstream.ts';
import { type Endpoint, TargetRoute } from './target-route.ts';
import { substitute, type Variables } from './variables.ts';

/** A target whose URLs were found usable. */
interface Plan {
  readonly name: string;
  readonly urls: readonly { readonly url: URL; readonly weight: number }[];
  readonly failover: string | undefined;
}

/** The targets of one project, ready for traffic. */
export interface CompiledTargets {
  readonly routes: ReadonlyMap<string, TargetRoute>;
  /** By target and URL, which is what makes two of them the same over revisions. */
  readonly upstreams: ReadonlyMap<string, Upstream>;
}

/** Checks the targets of a project once the variables are known; what is wrong goes to `faults`. */
export function planTargets(targets: Project['targets'], variables: Variables, faults: Fault[]): Plan[] {
  const plans = Object.entries(targets).map(([name, { url, urls, failover }]): Plan => {
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
    return { name, urls: usable, failover };
  });
  checkFailovers(plans, faults);
  return plans;
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

/** Makes the routes; an upstream of `known` with the same target and URL goes on, with its connections and counters. */
export function buildTargets(plans: readonly Plan[], known: ReadonlyMap<string, Upstream>, random: Random): CompiledTargets {
  const upstreams = new Map<string, Upstream>();
  const routes = new Map<string, TargetRoute>();
  const byName = new Map(plans.map((plan) => [plan.name, plan]));
  const build = (plan: Plan): TargetRoute => {
    const made = routes.get(plan.name);
    if (made !== undefined) return made;
    const endpoints = plan.urls.map(({ url, weight }): Endpoint => {
      const id = `${plan.name} ${url.href}`;
      const upstream = known.get(id) ?? upstreamOf(id, url);
      upstream.weight = weight;
      upstreams.set(id, upstream);
      return { upstream, prefix: url.pathname.replace(/\/$/, ''), root: url.pathname, host: url.host };
    });
    const failover = plan.failover === undefined ? undefined : byName.get(plan.failover);
    const servers = endpoints.map(({ upstream }) => upstream);
    const picker = pickers['round-robin'](servers, random);
    const route = new TargetRoute(endpoints, picker, failover && build(failover));
    routes.set(plan.name, route);
    return route;
  };
  for (const plan of plans) build(plan);
  return { routes, upstreams };
}

function upstreamOf(id: string, url: URL): Upstream {
  const tls = url.protocol === 'https:';
  return new Upstream({ id, host: url.hostname.replace(/^\[|\]$/g, ''), port: Number(url.port || (tls ? 443 : 80)), tls });
}
