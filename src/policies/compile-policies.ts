import type * as z from 'zod';
import type { Fault } from '../model/fault.ts';
import { type PolicyEntry, type PolicyPoint, type Project, policyPoints } from '../model/project.ts';
import type { NamedPolicy } from './contract.ts';
import { policyTypes } from './policy-types.ts';

/**
 * Creates the policies of one point, in order. Adds a fault to `faults`, with a path below `path`, for each entry that is wrong; the
 * returned list is then incomplete and must not be used.
 */
export function compilePolicies(entries: readonly PolicyEntry[], point: PolicyPoint, path: string, faults: Fault[]): NamedPolicy[] {
  const policies: NamedPolicy[] = [];
  entries.forEach((entry, index) => {
    for (const [name, given] of Object.entries(entry)) {
      const at = `${path}.${point}.${index}.${name}`;
      const type = policyTypes.get(name);
      if (type === undefined) {
        faults.push({ path: at, message: `there is no policy "${name}"; known: ${[...policyTypes.keys()].join(', ')}` });
      } else if (!type.points.includes(point)) {
        faults.push({ path: at, message: `the policy ${name} cannot run at ${point}, only at: ${type.points.join(', ')}` });
      } else {
        const settings = type.settings.safeParse(given ?? {});
        if (settings.success) policies.push(Object.assign(type.create(settings.data), { name }));
        else faults.push(...settings.error.issues.map((issue) => faultOf(issue, at)));
      }
    }
  });
  return policies;
}

/**
 * Finds the faults of a project's policies that can be found before its variables are known: unknown names, points where a policy
 * cannot run, faulty settings.
 */
export function checkPolicies(project: Pick<Project, 'policies' | 'resources'>): Fault[] {
  const faults: Fault[] = [];
  for (const point of policyPoints) {
    compilePolicies(project.policies[point], point, 'policies', faults);
    project.resources.forEach((resource, index) => {
      compilePolicies(resource.policies[point], point, `resources.${index}.policies`, faults);
    });
  }
  return faults;
}

function faultOf(issue: z.core.$ZodIssue, at: string): Fault {
  return { path: [at, ...issue.path].join('.'), message: issue.message };
}
