import { examine } from '../config/check.ts';
import type { Pieces } from '../model/pieces.ts';
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
 * Compiles the policies of one project and its resources. Policies have no state: what is written alike is compiled once, however many resources
 * have it. A fault is reported at each place.
 */
export class PolicyCompiler {
  readonly #variables: Variables | undefined;
  readonly #complain: (...fault: Parameters<Complain>) => void;
  #faults = 0;
  /** Sets and policies without a fault, by what is written; those of a point after its name. */
  readonly #sets = new Map<string, PolicySet>();
  readonly #policies = new Map<string, NamedPolicy>();

  /** @param variables undefined: not known yet, so that values that depend on them are not judged */
  constructor(variables: Variables | undefined, complain: Complain) {
    this.#variables = variables;
    this.#complain = (...fault) => {
      this.#faults++;
      complain(...fault);
    };
  }

  /**
   * Creates the policies of each point, in order; each entry is one piece. Complains about each entry that is wrong; the set is then incomplete and
   * must not be used.
   *
   * @param path place of `lists` in the project
   */
  *compile(lists: Project['policies'], path: readonly PropertyKey[]): Pieces<PolicySet> {
    if (policyPoints.every((point) => lists[point].length === 0)) return noPolicies;
    const written = JSON.stringify(lists);
    const known = this.#sets.get(written);
    if (known !== undefined) return known;
    const before = this.#faults;
    const set: Record<PolicyPoint, NamedPolicy[]> = { proxyRequest: [], targetRequest: [], targetResponse: [], proxyResponse: [] };
    for (const point of policyPoints) {
      for (const [index, entry] of lists[point].entries()) {
        const policy = yield* this.#policy(entry, point, [...path, point, index]);
        if (policy !== undefined) set[point].push(policy);
      }
    }
    if (this.#faults === before) this.#sets.set(written, set);
    return set;
  }

  *#policy(entry: PolicyEntry, point: PolicyPoint, path: readonly PropertyKey[]): Pieces<NamedPolicy | undefined> {
    const written = `${point} ${JSON.stringify(entry)}`;
    const known = this.#policies.get(written);
    if (known !== undefined) return known;
    yield;
    const before = this.#faults;
    const policy = yield* compilePolicy(entry, point, path, this.#variables, this.#complain);
    if (policy !== undefined && this.#faults === before) this.#policies.set(written, policy);
    return policy;
  }
}

function* compilePolicy(
  entry: PolicyEntry,
  point: PolicyPoint,
  path: readonly PropertyKey[],
  variables: Variables | undefined,
  complain: Complain,
): Pieces<NamedPolicy | undefined> {
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
  yield;
  const { value, faults } = examine(settings, type.settings);
  yield;
  if (faults === undefined) return Object.assign(yield* type.create(value), { name });
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
