import { examine } from '../config/check.ts';
import { type PolicyEntry, type PolicyPoint, type Project, policyPoints } from '../model/project.ts';
import type { NamedPolicy } from '../policies/contract.ts';
import { policyTypes } from '../policies/policy-types.ts';
import type { Complain } from './complain.ts';
import { refersToVariable, substitute, type Variables } from './variables.ts';

/** The policies of a project, or of one resource, at each point. */
export type PolicySet = Readonly<Record<PolicyPoint, readonly NamedPolicy[]>>;

/** No policy at any point. */
export const noPolicies: PolicySet = { proxyRequest: [], targetRequest: [], targetResponse: [], proxyResponse: [] };

/**
 * Creates the policies of each point, in order. Complains about each entry that is wrong; the set is then incomplete and must not be used.
 * While the variables are not known, values that depend on them are not judged.
 *
 * @param path place of `lists` in the project
 */
export function compilePolicySet(
  lists: Project['policies'],
  path: readonly PropertyKey[],
  variables: Variables | undefined,
  complain: Complain,
): PolicySet {
  const set: Record<PolicyPoint, NamedPolicy[]> = { proxyRequest: [], targetRequest: [], targetResponse: [], proxyResponse: [] };
  for (const point of policyPoints) {
    lists[point].forEach((entry, index) => {
      const policy = compilePolicy(entry, point, [...path, point, index], variables, complain);
      if (policy !== undefined) set[point].push(policy);
    });
  }
  return set;
}

function compilePolicy(
  entry: PolicyEntry,
  point: PolicyPoint,
  path: readonly PropertyKey[],
  variables: Variables | undefined,
  complain: Complain,
): NamedPolicy | undefined {
  const [first] = Object.entries(entry);
  if (first === undefined) return undefined;
  const [name, written] = first;
  const at = [...path, name];
  const type = policyTypes.get(name);
  if (type === undefined) {
    complain(at, `there is no policy "${name}"; known: ${[...policyTypes.keys()].join(', ')}`);
    return undefined;
  }
  if (!type.points.includes(point)) {
    complain(at, `the policy ${name} cannot run at ${point}, only at: ${type.points.join(', ')}`);
    return undefined;
  }
  const settings = substitute(written ?? {}, variables, at, complain, type.references);
  const { value, faults } = examine(settings, type.settings);
  if (faults === undefined) return Object.assign(type.create(value), { name });
  for (const fault of faults) {
    if (variables !== undefined || !refersToVariable(partOf(settings, fault.path))) complain([...at, ...fault.path], fault.message);
  }
  return undefined;
}

/** The innermost part of a value on a path. */
function partOf(value: unknown, path: readonly PropertyKey[]): unknown {
  let part = value;
  for (const key of path) {
    if (part === null || typeof part !== 'object' || !Object.hasOwn(part, key)) break;
    part = (part as Record<PropertyKey, unknown>)[key];
  }
  return part;
}
