import { examine } from '../config/check.ts';
import type { ImportedApi } from '../model/imported-api.ts';
import type { Pieces } from '../model/pieces.ts';
import { type PolicyEntry, type PolicyPoint, type Project, policyPoints, type Resource } from '../model/project.ts';
import type { NamedPolicy, Policy, PolicyServices, PolicyType } from '../policies/contract.ts';
import { policyTypes } from '../policies/policy-types.ts';
import type { Complain } from './complain.ts';
import { refersToVariable, substitute, type Variables } from './variables.ts';

/** The policies of a project, or of one resource, at each point. */
export type PolicySet = Readonly<Record<PolicyPoint, readonly NamedPolicy[]>>;

/** No policy at any point. */
export const noPolicies: PolicySet = { proxyRequest: [], targetRequest: [], targetResponse: [], proxyResponse: [] };

/** The project that policies are made for, and what they may use. */
export interface PolicyOwner {
  readonly project: string;
  readonly basePath: string;
  readonly services: PolicyServices;
  /** Paths of the project's resources. */
  readonly resources: readonly string[];
  /** Makes policies that stand around the ordinary ones; default: there are none. Each place has then a policy of its own. */
  readonly around?: ((made: PolicyMaking) => Pieces<Policy>) | undefined;
}

/** The making of one policy. */
export interface PolicyMaking {
  readonly name: string;
  readonly point: PolicyPoint;
  readonly type: PolicyType;
  /** Settings as written in the project. */
  readonly written: unknown;
  /** Settings after their check. */
  readonly settings: unknown;
  create(): Pieces<Policy>;
}

/**
 * Compiles the policies of one project and its resources. What is written alike is compiled once, however many resources have it, unless the policy
 * counts or keeps something. A fault is reported at each place.
 */
export class PolicyCompiler {
  readonly #variables: Variables | undefined;
  readonly #complain: (...fault: Parameters<Complain>) => void;
  readonly #owner: PolicyOwner | undefined;
  readonly #targets: readonly string[] | undefined;
  readonly #api: ImportedApi | undefined;
  #faults = 0;
  /** Policies that other places must not use, although the same is written there. */
  #unshared = 0;
  /** Sets and policies without a fault and without state, by what is written; those of a point after its name. */
  readonly #sets = new Map<string, PolicySet>();
  readonly #policies = new Map<string, NamedPolicy | undefined>();

  /**
   * @param variables undefined: not known yet, so that values that depend on them are not judged
   * @param owner undefined: policies are only checked, and all sets are empty
   * @param api the API that the project was imported from
   * @param targets names of the project's targets; undefined: those that policies name are not checked
   */
  constructor(variables: Variables | undefined, complain: Complain, owner?: PolicyOwner, api?: ImportedApi, targets?: readonly string[]) {
    this.#api = api;
    this.#targets = targets;
    this.#owner = owner;
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
   * @param resource the resource that has them; undefined: the project itself
   */
  *compile(lists: Project['policies'], path: readonly PropertyKey[], resource?: PolicyResource): Pieces<PolicySet> {
    if (policyPoints.every((point) => lists[point].length === 0)) return noPolicies;
    const written = JSON.stringify(lists);
    const known = this.#sets.get(written);
    if (known !== undefined) return known;
    const before = this.#faults + this.#unshared;
    const owner = resource === undefined ? '' : `${resource.path} ${resource.methods?.join() ?? '*'}`;
    const set: Record<PolicyPoint, NamedPolicy[]> = { proxyRequest: [], targetRequest: [], targetResponse: [], proxyResponse: [] };
    const places = new Set<string>();
    for (const point of policyPoints) {
      for (const [index, entry] of lists[point].entries()) {
        const place = placeIn(places, `${owner} ${point} ${Object.keys(entry)[0]}`);
        const policy = yield* this.#policy(entry, point, [...path, point, index], { text: place, resource });
        if (policy !== undefined) set[point].push(policy);
      }
    }
    if (this.#faults + this.#unshared === before) this.#sets.set(written, set);
    return set;
  }

  *#policy(entry: PolicyEntry, point: PolicyPoint, path: readonly PropertyKey[], place: Place): Pieces<NamedPolicy | undefined> {
    const written = `${point} ${JSON.stringify(entry)}`;
    if (this.#policies.has(written)) return this.#policies.get(written);
    yield;
    const before = this.#faults + this.#unshared;
    const policy = yield* this.#make(entry, point, path, place);
    if (this.#faults + this.#unshared === before) this.#policies.set(written, policy);
    return policy;
  }

  *#make(entry: PolicyEntry, point: PolicyPoint, path: readonly PropertyKey[], place: Place): Pieces<NamedPolicy | undefined> {
    const [only] = Object.entries(entry);
    if (only === undefined) return undefined;
    const [name, written] = only;
    const at = [...path, name];
    const type = policyTypes.get(name);
    if (type === undefined) {
      this.#complain(at, `there is no policy "${name}"; known: ${[...policyTypes.keys()].join(', ')}`);
      return undefined;
    }
    if (!type.points.includes(point)) {
      this.#complain(at, `the policy ${name} cannot run at ${point}, only at: ${type.points.join(', ')}`);
      return undefined;
    }
    const variables = this.#variables;
    const settings = substitute(written ?? {}, variables, at, this.#complain, type.references);
    yield;
    const { value, faults } = examine(settings, type.settings);
    yield;
    for (const fault of faults ?? []) {
      if (variables !== undefined || !refersToVariable(partOf(settings, fault.path))) this.#complain([...at, ...fault.path], fault.message);
    }
    if (faults !== undefined) return undefined;
    this.#complainOfTargets(type.targets?.(value) ?? [], at);
    this.#complainOfParameters(type.parameters?.(value) ?? [], place, at);
    if (this.#owner === undefined) {
      const found = type.faults === undefined ? [] : yield* type.faults(value, this.#api);
      for (const { path, message } of found) this.#complain([...at, ...path], message);
      return undefined;
    }
    const { around, ...owner } = this.#owner;
    if (type.stateful || around !== undefined) this.#unshared++;
    const { first = false, answersPreflights = false } = type;
    const create = () => type.create(value, { ...owner, api: this.#api, place: place.text });
    const policy = yield* around === undefined ? create() : around({ name, point, type, written, settings: value, create });
    return Object.assign(policy, { name, first, answersPreflights });
  }

  /** Complains about each target that the project does not have. */
  #complainOfTargets(named: readonly (readonly [path: readonly PropertyKey[], target: string])[], at: readonly PropertyKey[]): void {
    const known = this.#targets;
    for (const [path, target] of known === undefined ? [] : named)
      if (!known?.includes(target)) this.#complain([...at, ...path], `the project has no target "${target}"; known: ${known?.join(', ')}`);
  }

  /** Complains about each parameter that the resource's path does not have. What is right for one resource may be wrong for the next. */
  #complainOfParameters(names: readonly string[], { resource }: Place, at: readonly PropertyKey[]): void {
    if (names.length > 0) this.#unshared++;
    for (const name of names) {
      const has = name === '*' ? (resource?.childPaths ?? true) : resource?.path.includes(`{${name}}`) === true;
      if (has) continue;
      if (name === '*') this.#complain(at, 'refers to {*}, but the resource has no childPaths: true');
      else if (resource === undefined)
        this.#complain(at, `refers to {${name}}: only the policies of a resource can refer to parameters of its path`);
      else this.#complain(at, `refers to {${name}}, which is no parameter of the resource's path ${resource.path}`);
    }
  }
}

/** The part of a resource that its policies depend on. */
export type PolicyResource = Pick<Resource, 'path' | 'methods' | 'childPaths'>;

interface Place {
  /** Names the place in the project. */
  readonly text: string;
  readonly resource: PolicyResource | undefined;
}

/** A place that is not in `places` yet, and puts it there: policies of one type in one list are told apart by their order. */
function placeIn(places: Set<string>, wanted: string): string {
  let place = wanted;
  for (let ordinal = 2; places.has(place); ordinal++) place = `${wanted} ${ordinal}`;
  places.add(place);
  return place;
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
