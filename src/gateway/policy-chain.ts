import type { NamedPolicy } from '../policies/contract.ts';
import { noPolicies, type PolicySet } from '../projects/policy-set.ts';

/**
 * The policies of one resource, the project's included, in the order in which they run. Those of the project run first on the request and last on
 * the response, so that they are outermost in both directions. Types that run first do so wherever they are written.
 */
export class PolicyChain {
  readonly request: readonly NamedPolicy[];
  readonly response: readonly NamedPolicy[];
  /** One of them answers preflights of CORS. */
  readonly answersPreflights: boolean;
  /** Policies that only set how the request goes to the target; the settings of later ones come before those of earlier ones. */
  readonly tuning: readonly NamedPolicy[];
  /** The policies are those of several resources, because a target could read the path as that of any of them. */
  readonly joined: boolean;
  readonly #project: PolicySet;
  readonly #resources: readonly PolicySet[];

  constructor(project: PolicySet, ...resources: readonly PolicySet[]) {
    this.#project = project;
    this.#resources = resources;
    this.joined = resources.length > 1;
    const request = [
      ...project.proxyRequest,
      ...resources.flatMap(({ proxyRequest }) => proxyRequest),
      ...project.targetRequest,
      ...resources.flatMap(({ targetRequest }) => targetRequest),
    ];
    const running = request.filter(({ tuning }) => tuning === undefined);
    this.request = [...running.filter(({ first }) => first), ...running.filter(({ first }) => !first)];
    this.tuning = request.filter(({ tuning }) => tuning !== undefined);
    this.answersPreflights = request.some((policy) => policy.answersPreflights);
    this.response = [
      ...resources.flatMap(({ targetResponse }) => targetResponse),
      ...project.targetResponse,
      ...resources.flatMap(({ proxyResponse }) => proxyResponse),
      ...project.proxyResponse,
    ];
  }

  /** No policy runs at any point. */
  get empty(): boolean {
    return this.request.length === 0 && this.response.length === 0;
  }

  /** The policies of a project that also see its requests without a resource: those that run before all others. */
  static outer(project: PolicySet): PolicyChain {
    const proxyRequest = project.proxyRequest.filter(({ first }) => first);
    return new PolicyChain({ ...noPolicies, proxyRequest });
  }

  /** The policies of this resource and of `others`, which belong to the same project, for a request that could be for any of them. */
  joinedWith(others: readonly PolicyChain[]): PolicyChain {
    return new PolicyChain(this.#project, ...this.#resources, ...others.flatMap((other) => other.#resources));
  }
}
