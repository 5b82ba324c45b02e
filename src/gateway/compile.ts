import type { Random } from '../model/clock.ts';
import { type Fault, SluiceError } from '../model/fault.ts';
import type { Project } from '../model/project.ts';
import type { DeployedProject } from '../model/snapshot.ts';
import type { Upstream } from '../proxy/upstream.ts';
import { normalisePath } from '../routing/path.ts';
import { ResourceTree } from '../routing/resource-tree.ts';
import type { CompiledResource } from './match.ts';
import { compileSet, noPolicies, PolicyChain } from './policy-chain.ts';
import { ProjectCounters } from './project-counters.ts';
import { buildTargets, planTargets } from './targets.ts';
import type { Troubles } from './troubles.ts';
import type { Variables } from './variables.ts';

/** What a revision's number and a project's variables refer to; the same object as long as neither has changed. */
export interface Origin {
  readonly epoch: string;
  readonly variables: Variables;
}

/** A project revision with its variables in place, ready for traffic. */
export interface CompiledProject {
  readonly name: string;
  readonly revision: number;
  readonly origin: Origin;
  /** As deployed. */
  readonly source: Project;
  /** Normalised; `/` or without a trailing slash. */
  readonly basePath: string;
  readonly forwardBasePath: boolean;
  readonly resources: ResourceTree<CompiledResource>;
  readonly upstreams: ReadonlyMap<string, Upstream>;
  readonly counters: ProjectCounters;
}

/** What compiling takes beside the project. */
export interface CompileOptions {
  readonly origin: Origin;
  readonly random: Random;
  /** The revision now running: upstreams it has in common with the new one go on. */
  readonly previous?: CompiledProject | undefined;
  /** Told how targets do. */
  readonly troubles?: Troubles | undefined;
}

/** Throws a `SluiceError` (`invalid`) with every fault; nothing of `previous` is changed then. */
export function compileProject({ name, revision, project }: DeployedProject, options: CompileOptions): CompiledProject {
  const { origin, previous, random, troubles } = options;
  const { variables } = origin;
  const faults: Fault[] = [];
  const basePath = compileBasePath(project.basePath, faults);
  const plans = planTargets(project.targets, variables, faults);
  const places = compileResources(project, variables, faults);
  if (faults.length > 0) {
    const words = faults.map(({ path, message }) => `${path}: ${message}`).join('; ');
    throw new SluiceError('invalid', `revision ${revision} of project ${name} cannot be served: ${words}`, { faults });
  }
  const counters = new ProjectCounters(previous?.counters);
  const { routes, upstreams } = buildTargets(plans, { known: previous?.upstreams ?? new Map(), random, troubles, counters });
  const resources = new ResourceTree<CompiledResource>();
  for (const { target, policies, ...place } of places) {
    const route = routes.get(target);
    if (route === undefined) throw new SluiceError('invalid', `project ${name} has no target "${target}"`);
    resources.add({ ...place, value: { route, policies, counter: counters.resource(place.path) } });
  }
  return { name, revision, origin, source: project, basePath, forwardBasePath: project.forwardBasePath, resources, upstreams, counters };
}

function compileBasePath(written: string, faults: Fault[]): string {
  const basePath = normalisePath(written)?.replace(/(?<=.)\/$/, '');
  if (basePath === undefined) {
    faults.push({ path: 'basePath', message: `"${written}" is no usable path: it has a broken % triplet or a backslash` });
  } else if (/^\/\.sluice(\/|$)/.test(basePath)) {
    faults.push({ path: 'basePath', message: '/.sluice belongs to Sluice itself' });
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
