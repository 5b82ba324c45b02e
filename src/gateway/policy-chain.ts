import type { NamedPolicy, PolicyAnswer, PolicyContext } from '../policies/contract.ts';
import type { PolicySet } from '../projects/policy-set.ts';
import type { Exchange } from '../proxy/contract.ts';

/**
 * The policies of one resource, the project's included. Those of the project run first on the request and last on the response, so that
 * they are outermost in both directions.
 */
export class PolicyChain {
  readonly #project: PolicySet;
  readonly #resources: readonly PolicySet[];
  readonly #request: readonly NamedPolicy[];
  readonly #response: readonly NamedPolicy[];

  constructor(project: PolicySet, ...resources: readonly PolicySet[]) {
    this.#project = project;
    this.#resources = resources;
    this.#request = [
      ...project.proxyRequest,
      ...resources.flatMap(({ proxyRequest }) => proxyRequest),
      ...project.targetRequest,
      ...resources.flatMap(({ targetRequest }) => targetRequest),
    ];
    this.#response = [
      ...resources.flatMap(({ targetResponse }) => targetResponse),
      ...project.targetResponse,
      ...resources.flatMap(({ proxyResponse }) => proxyResponse),
      ...project.proxyResponse,
    ];
  }

  /** The policies of this resource and of `others`, which belong to the same project, for a request that could be for any of them. */
  joinedWith(others: readonly PolicyChain[]): PolicyChain {
    return new PolicyChain(this.#project, ...this.#resources, ...others.flatMap((other) => other.#resources));
  }

  /**
   * Runs the request policies; a policy's answer ends the request. With several resources only a refusal (4xx, 5xx) ends it at once: an answer of
   * one resource must not be given while a policy of another would refuse the request.
   */
  request(exchange: Exchange): PolicyAnswer | undefined {
    if (this.#request.length === 0) return undefined;
    const { request, id: requestId, clientAddress } = exchange;
    const context = { request, requestId, clientAddress };
    let first: { readonly name: string; readonly answer: PolicyAnswer } | undefined;
    for (const policy of this.#request) {
      const answer = policy.run(context);
      if (answer === undefined) continue;
      const { name } = policy;
      if (this.#resources.length === 1 || answer.status >= 400) {
        exchange.counter.rejectedBy(name);
        return answer;
      }
      first ??= { name, answer };
    }
    if (first !== undefined) exchange.counter.rejectedBy(first.name);
    return first?.answer;
  }

  /** Runs the response policies, before the response head is sent to the client. */
  respond(exchange: Exchange): void {
    if (this.#response.length === 0) return;
    const { request, response, id: requestId, clientAddress } = exchange;
    const context: PolicyContext = { request, response, requestId, clientAddress };
    for (const policy of this.#response) policy.run(context);
  }
}
