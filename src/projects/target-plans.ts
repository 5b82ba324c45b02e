import { certificatesFault, keyFault, pairFault } from '../model/certificate.ts';
import type { HealthSpec } from '../model/environment.ts';
import { isHiddenKey } from '../model/hidden-keys.ts';
import type { OutgoingTls } from '../model/outgoing-tls.ts';
import type { Pieces } from '../model/pieces.ts';
import type { Project } from '../model/project.ts';
import type { RouteTuning } from '../model/route-tuning.ts';
import { isTargetUrl, type Target } from '../model/target.ts';
import { checksOf, ejectionRulesOf } from '../model/target-health.ts';
import type { Complain } from './complain.ts';
import { refersToVariable, substitute, type Variables } from './variables.ts';

/** Targets of a circle that a message names at most. */
const mostShown = 20;

/** A target of a project after its variables were replaced and its URLs checked. */
export interface TargetPlan {
  readonly name: string;
  readonly urls: readonly { readonly url: URL; readonly weight: number }[];
  readonly failover: string | undefined;
  readonly tuning: RouteTuning;
  /** Undefined: the URLs are not checked. */
  readonly checks: HealthSpec | undefined;
  /** Rules for ejecting URLs; undefined: none is. */
  readonly outlier: ReturnType<typeof ejectionRulesOf> | undefined;
  /** TLS settings for the https URLs. */
  readonly tls: OutgoingTls;
}

/**
 * Replaces the variables in a project's targets and checks the targets; complains about each fault. Each URL is one piece.
 *
 * @param variables undefined: not known yet, so that texts with references are not judged
 */
export function* planTargets(targets: Project['targets'], variables: Variables | undefined, complain: Complain): Pieces<TargetPlan[]> {
  const plans: TargetPlan[] = [];
  for (const [name, target] of Object.entries(targets)) plans.push(yield* planTarget(name, target, variables, complain));
  yield* complainOfCircles(plans, complain);
  return plans;
}

function* planTarget(name: string, target: Target, variables: Variables | undefined, complain: Complain): Pieces<TargetPlan> {
  const { url, urls, failover, timeouts, retries, tls, health, outlier } = target;
  const at = ['targets', name];
  const written =
    url === undefined
      ? (urls ?? []).map((entry, index) => ({ ...entry, path: [...at, 'urls', index, 'url'] }))
      : [{ url, weight: 1, path: [...at, 'url'] }];
  const seen = new Set<string>();
  const usable: { url: URL; weight: number }[] = [];
  for (const { url: text, weight, path } of written) {
    yield;
    let failed = false;
    const resolved = substitute(text, variables, path, (...fault) => {
      failed = true;
      complain(...fault);
    });
    if (failed) continue;
    const open = refersToVariable(resolved) && variables === undefined;
    const parsed = !open && isTargetUrl(resolved) ? new URL(resolved) : undefined;
    const identity = parsed?.href ?? resolved;
    // Show the text as written, since a variable's value may be a secret.
    if (parsed === undefined && !open)
      complain(path, `"${text}" does not make an http:// or https:// URL without user, query and fragment`);
    else if (seen.has(identity)) complain(path, `"${text}" is listed twice; give it more weight instead`);
    else if (parsed !== undefined) usable.push({ url: parsed, weight });
    seen.add(identity);
  }
  if (written.length > 0 && written.every(({ weight }) => weight === 0))
    complain(at, 'every URL has weight 0: give at least one a higher weight');
  const complete = usable.length === written.length;
  return {
    name,
    urls: usable,
    failover,
    tuning: { timeouts, retries },
    checks: health && checksOf(health),
    outlier: outlier && ejectionRulesOf(outlier),
    tls: planTls(tls, at, complete ? usable : [], variables, complain),
  };
}

function planTls(
  tls: Target['tls'],
  target: readonly PropertyKey[],
  urls: TargetPlan['urls'],
  variables: Variables | undefined,
  complain: Complain,
): TargetPlan['tls'] {
  if (tls === undefined) return {};
  const path = [...target, 'tls'];
  const faulty = new Set<string>();
  const fault = (name: 'ca' | 'certificate' | 'key', message: string | undefined) => {
    if (message === undefined) return;
    faulty.add(name);
    complain([...path, name], message);
  };
  const texts: { ca?: string; certificate?: string; key?: string } = {};
  for (const name of ['ca', 'certificate', 'key'] as const) {
    const written = tls[name];
    if (written === undefined) continue;
    const text = substitute(written, variables, [...path, name], (...[, message]) => fault(name, message));
    if (faulty.has(name) || (variables === undefined && refersToVariable(text))) continue;
    texts[name] = text;
    if (name === 'key') fault(name, isHiddenKey(text) && variables === undefined ? undefined : keyFault(text));
    else fault(name, certificatesFault(text));
  }
  const { certificate, key } = texts;
  const pair = certificate !== undefined && key !== undefined && faulty.size === 0 ? pairFault(certificate, key) : undefined;
  if (pair !== undefined) fault(pair.part, pair.message);
  if (urls.length > 0 && urls.every(({ url }) => url.protocol === 'http:'))
    complain(path, 'has no effect, because no URL of the target is https://');
  return { ...tls, ...texts };
}

function* complainOfCircles(plans: readonly TargetPlan[], complain: Complain): Pieces<void> {
  const next = new Map(plans.map(({ name, failover }) => [name, failover]));
  const seen = new Set<string>();
  /** The targets of a circle, and the place of one of them among these. */
  const inCircle = new Map<string, { readonly circle: readonly string[]; readonly place: number }>();
  for (const { name } of plans) {
    const way = new Set<string>();
    let at: string | undefined = name;
    for (; at !== undefined && !seen.has(at); at = next.get(at)) {
      seen.add(at);
      way.add(at);
    }
    if (at !== undefined && way.has(at)) {
      const names = [...way];
      const circle = names.slice(names.indexOf(at));
      for (const [place, one] of circle.entries()) inCircle.set(one, { circle, place });
    }
    yield;
  }
  for (const { name } of plans) {
    const found = inCircle.get(name);
    if (found === undefined) continue;
    const { circle, place } = found;
    const shown = Array.from({ length: Math.min(circle.length, mostShown) }, (_, step) => circle[(place + step) % circle.length]);
    const names = [...shown, ...(circle.length > mostShown ? ['…'] : []), name];
    complain(['targets', name, 'failover'], `leads back to ${name} itself: ${names.join(' -> ')}`);
    yield;
  }
}
