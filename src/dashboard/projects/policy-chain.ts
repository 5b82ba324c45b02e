import type { PolicyPoint, ProjectInput } from '../../model/project.ts';

type ResourceInput = NonNullable<ProjectInput['resources']>[number];
type Policies = ProjectInput['policies'];

/** One policy of a project or resource. */
export interface PolicyStep {
  readonly name: string;
  readonly point: PolicyPoint;
  readonly owner: 'project' | 'resource';
  readonly settings: unknown;
}

const requestPoints = ['proxyRequest', 'targetRequest'] as const satisfies PolicyPoint[];
const responsePoints = ['targetResponse', 'proxyResponse'] as const satisfies PolicyPoint[];

/** The policies that run before the target of a resource is asked, and after it has answered, in the order in which they run. */
export function policyChain(project: ProjectInput, resource?: ResourceInput): { request: PolicyStep[]; response: PolicyStep[] } {
  const own = (point: PolicyPoint) => stepsAt(point, project.policies, 'project');
  const resources = (point: PolicyPoint) => stepsAt(point, resource?.policies, 'resource');
  return {
    request: requestPoints.flatMap((point) => [...own(point), ...resources(point)]),
    response: responsePoints.flatMap((point) => [...resources(point), ...own(point)]),
  };
}

function stepsAt(point: PolicyPoint, policies: Policies, owner: PolicyStep['owner']): PolicyStep[] {
  return (policies?.[point] ?? []).flatMap((entry) => Object.entries(entry).map(([name, settings]) => ({ name, point, owner, settings })));
}
