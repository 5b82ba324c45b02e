import type { AddressGuard } from '../model/address-guard.ts';
import type { Random } from '../model/clock.ts';
import { contentHash } from '../model/content-hash.ts';
import { SluiceError } from '../model/fault.ts';
import { atOnce, type Pieces } from '../model/pieces.ts';
import type { DeployedProject } from '../model/snapshot.ts';
import type { PolicySet } from '../projects/policy-set.ts';
import { planInPieces } from '../projects/project-plan.ts';
import { type Variables, variablesInPieces } from '../projects/variables.ts';
import type { Upstream } from '../proxy/upstream.ts';
import { ResourceTree } from '../routing/resource-tree.ts';
import { buildTargets } from './compiled-targets.ts';
import type { CompiledResource } from './match.ts';
import { PolicyChain } from './policy-chain.ts';
import { ProjectCounters } from './project-counters.ts';
import type { TargetFailureLog } from './target-failure-log.ts';

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
  readonly upstreams: ReadonlyMap<string, Upstream>;
  readonly counters: ProjectCounters;
}

/** Inputs of {@link compileProject} besides the project. */
export interface CompileOptions {
  readonly origin: Origin;
  readonly random: Random;
  /** The revision that runs now; its upstreams and counters are reused. */
  readonly previous?: CompiledProject | undefined;
  /** Gets the outcome of each attempt at a target. */
  readonly failureLog?: TargetFailureLog | undefined;
  /** Addresses that targets must not have. */
  readonly guard?: AddressGuard | undefined;
}

/** Compiles a project. Throws a `SluiceError` (`invalid`) with every fault and then leaves `previous` unchanged. */
export function compileProject(deployed: DeployedProject, options: CompileOptions): CompiledProject {
  return atOnce(compileInPieces(deployed, options));
}

/** Compiles a project like {@link compileProject}, in pieces: of thousands of resources, all of them take a hundred milliseconds. */
export function* compileInPieces(deployed: DeployedProject, options: CompileOptions): Pieces<CompiledProject> {
  const { name, revision, project } = deployed;
  const { origin, previous, random, failureLog, guard } = options;
  const plan = yield* planInPieces(deployed, origin.variables);
  const counters = new ProjectCounters(previous?.counters);
  const { routes, upstreams } = yield* buildTargets(plan.targets, {
    known: previous?.upstreams ?? new Map(),
    random,
    failureLog,
    counters,
    guard,
  });
  const resources = new ResourceTree<CompiledResource>();
  const chains = new Map<PolicySet, PolicyChain>();
  for (const { target, policies, ...resource } of plan.resources) {
    const route = routes.get(target);
    if (route === undefined) throw new SluiceError('invalid', `project ${name} has no target "${target}"`);
    const chain = chains.get(policies) ?? new PolicyChain(plan.policies, policies);
    chains.set(policies, chain);
    const value = { route, policies: chain, counter: counters.resource(resource.path) };
    resources.add({ ...resource, value });
    yield;
  }
  return {
    name,
    revision,
    hash: deployed.hash ?? contentHash(project),
    epoch: origin.epoch,
    variables: yield* variablesInPieces([{ ...project, resources: [] }, ...project.resources], origin.variables),
    basePath: plan.basePath,
    forwardBasePath: project.forwardBasePath,
    encodedSlashes: project.encodedSlashes === 'keep',
    mergeSlashes: project.mergeSlashes ?? true,
    resources,
    upstreams,
    counters,
  };
}
