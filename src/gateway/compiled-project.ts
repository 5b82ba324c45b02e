import type { AddressGuard } from '../model/address-guard.ts';
import { contentHash } from '../model/content-hash.ts';
import { SluiceError } from '../model/fault.ts';
import { atOnce, type Pieces } from '../model/pieces.ts';
import type { DeployedProject } from '../model/snapshot.ts';
import type { NamedPolicy, Policy, PolicyServices } from '../policies/contract.ts';
import type { PolicyOwner, PolicySet } from '../projects/policy-set.ts';
import { planInPieces } from '../projects/project-plan.ts';
import { type Variables, variablesInPieces } from '../projects/variables.ts';
import type { Route } from '../proxy/contract.ts';
import type { Upstream } from '../proxy/upstream.ts';
import { ResourceTree } from '../routing/resource-tree.ts';
import { Admission } from './admission.ts';
import { buildTargets } from './compiled-targets.ts';
import type { CompiledResource } from './match.ts';
import { ownPaths } from './own-paths.ts';
import { PolicyChain } from './policy-chain.ts';
import { ProjectCounters } from './project-counters.ts';
import type { RecentConsumers } from './recent-consumers.ts';
import type { TargetFailureLog } from './target-failure-log.ts';
import type { UrlHealth } from './url-health.ts';

/** Registry epoch and variables of the environment that a project is compiled for. */
export interface Origin {
  readonly epoch: string;
  readonly variables: Variables;
}

/** A project revision with its variables replaced, ready to serve. */
export interface CompiledProject {
  readonly name: string;
  readonly revision: number;
  /** Content hash of the revision. The content itself is on disk: in memory it would stand beside what was compiled from it. */
  readonly hash: string;
  /** Epoch of the registry that deployed it. */
  readonly epoch: string;
  /** The variables that it refers to, with the values that it was compiled with. */
  readonly variables: Variables;
  /** Normalised; `/`, or without a trailing slash. */
  readonly basePath: string;
  readonly forwardBasePath: boolean;
  /** True: paths with an encoded slash are passed on. */
  readonly encodedSlashes: boolean;
  readonly mergeSlashes: boolean;
  readonly resources: ResourceTree<CompiledResource>;
  readonly admission: Admission;
  /** Policies for requests that match no resource. */
  readonly outer: PolicyChain;
  /** Policies that work in the background while they are served, the health of URLs, and the admission. */
  readonly living: ReadonlySet<Living>;
  readonly upstreams: ReadonlyMap<string, Upstream>;
  /** Health of the targets' URLs that are checked or ejected. */
  readonly health: ReadonlyMap<string, UrlHealth>;
  readonly counters: ProjectCounters;
}

/** Something that is told when it begins and ends to be served. */
export type Living = Pick<Policy, 'begin' | 'end'>;

/** Inputs of {@link compileProject} besides the project. */
export interface CompileOptions {
  readonly origin: Origin;
  /** The revision that runs now; its upstreams and counters are reused. */
  readonly previous?: CompiledProject | undefined;
  /** Gets the outcome of each attempt at a target. */
  readonly failureLog?: TargetFailureLog | undefined;
  /** Addresses that targets must not have. */
  readonly guard?: AddressGuard | undefined;
  /** Consumers of all projects of the server; default: those of this project alone. */
  readonly recent?: RecentConsumers | undefined;
  /** Services of the gateway server for policies. */
  readonly services: PolicyServices;
  /** Makes policies around the ordinary ones. */
  readonly around?: PolicyOwner['around'];
}

/** Compiles a project. Throws a `SluiceError` (`invalid`) with every fault and then leaves `previous` unchanged. */
export function compileProject(deployed: DeployedProject, options: CompileOptions): CompiledProject {
  return atOnce(compileInPieces(deployed, options));
}

/** Compiles a project like {@link compileProject}, in pieces: of thousands of resources, all of them take a hundred milliseconds. */
export function* compileInPieces(deployed: DeployedProject, options: CompileOptions): Pieces<CompiledProject> {
  const { name, revision, project } = deployed;
  const { origin, previous, failureLog, guard, services } = options;
  const plan = yield* planInPieces(deployed, origin.variables, { services, around: options.around });
  const counters = new ProjectCounters(previous?.counters, options.recent);
  const { routes, upstreams, health } = yield* buildTargets(plan.targets, {
    project: name,
    known: previous,
    services,
    failureLog,
    counters,
    guard,
  });
  const resources = new ResourceTree<CompiledResource>();
  const chains = new Map<PolicySet, PolicyChain>();
  const admission = new Admission(name, services, counters.consumers);
  for (const { path, policies } of ownPaths(plan)) {
    const value = {
      route: [...routes.values()][0] as Route,
      policies,
      counter: counters.resource(path),
      template: path,
      basePath: plan.basePath,
    };
    resources.add({ path, methods: ['GET', 'POST'], childPaths: false, value: { ...value, admission } });
  }
  for (const { target, policies, timeouts, retries, ...resource } of plan.resources) {
    const plain = routes.get(target);
    if (plain === undefined) throw new SluiceError('invalid', `project ${name} has no target "${target}"`);
    const chain = chains.get(policies) ?? new PolicyChain(plan.policies, policies);
    chains.set(policies, chain);
    const tunings = chain.tuning.map(({ tuning = {} }) => tuning);
    const own = (timeouts ?? retries) === undefined ? tunings : [{ timeouts, retries }, ...tunings];
    const route = own.length === 0 ? plain : plain.tunedBy(own);
    const place = { template: resource.path, basePath: plan.basePath };
    const value = { route, policies: chain, counter: counters.resource(resource.path), ...place, admission, targets: routes };
    resources.add({ ...resource, value });
    yield;
  }
  return {
    name,
    revision,
    hash: deployed.hash ?? contentHash(project),
    epoch: origin.epoch,
    variables: yield* variablesInPieces([{ ...project, openapi: undefined, resources: [] }, ...project.resources], origin.variables),
    basePath: plan.basePath,
    forwardBasePath: project.forwardBasePath,
    encodedSlashes: project.encodedSlashes === 'keep',
    mergeSlashes: project.mergeSlashes ?? true,
    resources,
    admission,
    outer: PolicyChain.outer(plan.policies),
    living: new Set<Living>([admission, ...health.values(), ...livingIn(chains.values())]),
    upstreams,
    health,
    counters,
  };
}

function livingIn(chains: Iterable<PolicyChain>): ReadonlySet<NamedPolicy> {
  const living = new Set<NamedPolicy>();
  for (const { request, response } of chains)
    for (const policy of [...request, ...response]) if (policy.begin !== undefined || policy.end !== undefined) living.add(policy);
  return living;
}
