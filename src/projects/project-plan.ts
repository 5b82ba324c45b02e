import { type Fault, SluiceError } from '../model/fault.ts';
import type { Pieces } from '../model/pieces.ts';
import type { Project, Resource } from '../model/project.ts';
import { servableBasePath } from './base-path.ts';
import type { Complain } from './complain.ts';
import { noPolicies, PolicyCompiler, type PolicyOwner, type PolicySet } from './policy-set.ts';
import { complainOfResources } from './resource-paths.ts';
import { planTargets, type TargetPlan } from './target-plans.ts';
import type { Variables } from './variables.ts';

/** A project revision after its variables were replaced and everything was checked: all that a gateway server needs to build its routes. */
export interface ProjectPlan {
  /** Normalised; `/`, or without a trailing slash. */
  readonly basePath: string;
  readonly targets: readonly TargetPlan[];
  /** Policies of the project, which are outside those of each resource. */
  readonly policies: PolicySet;
  readonly resources: readonly (Omit<Resource, 'policies'> & { readonly policies: PolicySet })[];
}

/** Plans a project with an environment's variables. Throws a `SluiceError` (`invalid`) with every fault that keeps a server from serving it. */
export function* planInPieces(
  { name, revision, project }: Deployed,
  variables: Variables,
  lent: Pick<PolicyOwner, 'services' | 'around'>,
): Pieces<ProjectPlan> {
  const faults: Fault[] = [];
  const complain: Complain = (path, message) => faults.push({ path: path.map(String).join('.'), message });
  const plan = yield* plannedWith(project, variables, complain, {
    project: name,
    ...lent,
    resources: project.resources.map(({ path }) => path),
  });
  if (faults.length === 0) return plan;
  throw new SluiceError('invalid', `revision ${revision} of project ${name} cannot be served: ${listed(faults)}`, { faults });
}

/** Finds every fault that keeps a server of an environment with these variables from serving the project. */
export function* faultsIn(project: Project, variables: Variables): Pieces<Fault[]> {
  const faults: Fault[] = [];
  yield* plannedWith(project, variables, (path, message) => faults.push({ path: path.map(String).join('.'), message }));
  return faults;
}

/** The faults in one line, for a message. */
export function listed(faults: readonly Fault[]): string {
  return faults.map(({ path, message }) => `${path}: ${message}`).join('; ');
}

interface Deployed {
  readonly name: string;
  readonly revision: number;
  readonly project: Project;
}

/** A project without resources offers everything under its base path. */
const everything = {
  path: '/',
  methods: undefined,
  timeouts: undefined,
  retries: undefined,
  childPaths: true,
  target: 'default',
  policies: noPolicies,
};

/** @param owner undefined: everything is checked, but no policy is made */
function* plannedWith(
  project: Project,
  variables: Variables,
  complain: Complain,
  owner?: Omit<PolicyOwner, 'basePath'>,
): Pieces<ProjectPlan> {
  const basePath = servableBasePath(project.basePath, complain) ?? '/';
  const targets = yield* planTargets(project.targets, variables, complain);
  const known = Object.keys(project.targets);
  const compiler = new PolicyCompiler(variables, complain, owner && { ...owner, basePath }, project.openapi, known);
  const policies = yield* compiler.compile(project.policies, ['policies']);
  yield* complainOfResources(project.resources, complain);
  const resources: ProjectPlan['resources'][number][] = [];
  for (const [index, resource] of project.resources.entries()) {
    resources.push({ ...resource, policies: yield* compiler.compile(resource.policies, ['resources', index, 'policies'], resource) });
    yield;
  }
  return { basePath, targets, policies, resources: resources.length === 0 ? [everything] : resources };
}
