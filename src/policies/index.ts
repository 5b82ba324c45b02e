import type * as z from 'zod';
import type { Fault } from '../model/fault.ts';
import { type PolicyEntry, type PolicyPoint, type Project, policyPoints } from '../model/project.ts';
import { apiKey } from './api-key.ts';
import type { NamedPolicy, PolicyType } from './contract.ts';
import { headers } from './headers.ts';

/** Every kind of policy, by the name that projects use. */
export const policyTypes: ReadonlyMap<string, PolicyType> = new Map<string, PolicyType>([
  ['apiKey', apiKey],
  ['headers', headers],
]);

/**
 * Makes the policies of one point, in order. What is wrong goes to `faults`, under `path`; the list is then
 * incomplete and must not be used.
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
 * Everything wrong with the policies of a project, as far as it can be told before its variables are known:
 * unknown names, points where a policy cannot run, settings. Empty when nothing is.
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
