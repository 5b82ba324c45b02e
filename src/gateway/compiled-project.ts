import type { Random } from '../model/clock.ts';
import { type Fault, SluiceError } from '../model/fault.ts';
import type { Project } from '../model/project.ts';
import { isReserved, reservedPath } from '../model/reserved-path.ts';
import type { DeployedProject } from '../model/snapshot.ts';
import type { Upstream } from '../proxy/upstream.ts';
import { normalisePath } from '../routing/path.ts';
import { ResourceTree } from '../routing/resource-tree.ts';
import { buildTargets, planTargets } from './compiled-targets.ts';
import type { CompiledResource } from './match.ts';
import { compileSet, noPolicies, PolicyChain } from './policy-chain.ts';
import { ProjectCounters } from './project-counters.ts';
import type { TargetFailureLog } from './target-failure-log.ts';
import type { Variables } from './variables.ts';

/** Registry epoch and variables that a project was compiled with; the same object as long as both are unchanged. */
export interface Origin {
  readonly epoch: string;
  readonly variables: Variables;
}

/** A project revision with its variables replaced, ready to serve. */
export interface CompiledProject {
  readonly name: string;
  readonly revision: number;
  readonly origin: Origin;
  /** The project as deployed. */
  readonly source: Project;
  /** Normalised; `/`, or without a trailing slash. */
  readonly basePath: string;
  readonly forwardBasePath: boolean;
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
}

/** Compiles a project. Throws a `SluiceError` (`invalid`) with every fault and then leaves `previous` unchanged. */
export function compileProject({ name, revision, project }: DeployedProject, options: CompileOptions): CompiledProject {
  const { origin, previous, random, failureLog } = options;
  const { variables } = origin;
  const faults: Fault[] = [];
  const basePath = compileBasePath(project.basePath, faults);
  const plans = planTargets(project.targets, variables, faults);
  const compiled = compileResources(project, variables, faults);
  if (faults.length > 0) {
    const list = faults.map(({ path, message }) => `${path}: ${message}`).join('; ');
    throw new SluiceError('invalid', `revision ${revision} of project ${name} cannot be served: ${list}`, { faults });
  }
  const counters = new ProjectCounters(previous?.counters);
  const { routes, upstreams } = buildTargets(plans, { known: previous?.upstreams ?? new Map(), random, failureLog, counters });
  const resources = new ResourceTree<CompiledResource>();
  for (const { target, policies, ...resource } of compiled) {
    const route = routes.get(target);
    if (route === undefined) throw new SluiceError('invalid', `project ${name} has no target "${target}"`);
    resources.add({ ...resource, value: { route, policies, counter: counters.resource(resource.path) } });
  }
  return { name, revision, origin, source: project, basePath, forwardBasePath: project.forwardBasePath, resources, upstreams, counters };
}

function compileBasePath(written: string, faults: Fault[]): string {
  const basePath = normalisePath(written)?.replace(/(?<=.)\/$/, '');
  if (basePath === undefined) {
    faults.push({ path: 'basePath', message: `"${written}" is not a valid path: it contains a broken percent-encoding or a backslash` });
  } else if (isReserved(basePath)) {
    faults.push({ path: 'basePath', message: `${reservedPath} is reserved for Sluice: choose another base path` });
  }
  return basePath ?? '/';
}

function compileResources(project: Project, variables: Variables, faults: Fault[]) {
  const outer = compileSet(project.policies, 'policies', variables, faults);
  if (project.resources.length === 0) {
    return [{ path: '/', methods: undefined, childPaths: true, target: 'default', policies: new PolicyChain(outer, noPolicies) }];
  }
  const trial = new ResourceTree<undefined>();
  return project.resources.map(({ path, methods, childPaths, target, policies }, index) => {
    try {
      trial.add({ path, methods, childPaths, value: undefined });
    } catch (error) {
      if (!(error instanceof TypeError)) throw error;
      faults.push({ path: `resources.${index}.path`, message: error.message });
    }
    const inner = compileSet(policies, `resources.${index}.policies`, variables, faults);
    return { path, methods, childPaths, target, policies: new PolicyChain(outer, inner) };
  });
}
