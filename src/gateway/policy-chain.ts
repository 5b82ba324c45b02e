import type { NamedPolicy, PolicyAnswer, PolicyContext } from '../policies/contract.ts';
import type { PolicySet } from '../projects/policy-set.ts';
import type { Exchange } from '../proxy/contract.ts';

/**
 * The policies of one resource, the project's included. Those of the project run first on the request and last on the response, so that
 * they are outermost in both directions.
 */
export class PolicyChain {
  readonly #request: readonly NamedPolicy[];
  readonly #response: readonly NamedPolicy[];

  constructor(project: PolicySet, resource: PolicySet) {
    this.#request = [...project.proxyRequest, ...resource.proxyRequest, ...project.targetRequest, ...resource.targetRequest];
    this.#response = [...resource.targetResponse, ...project.targetResponse, ...resource.proxyResponse, ...project.proxyResponse];
  }

  /** Runs the request policies; a policy's answer ends the request. */
  request(exchange: Exchange): PolicyAnswer | undefined {
    if (this.#request.length === 0) return undefined;
    const { request, id: requestId, clientAddress } = exchange;
    const context = { request, requestId, clientAddress };
    for (const policy of this.#request) {
      const answer = policy.run(context);
      if (answer === undefined) continue;
      exchange.counter.rejectedBy(policy.name);
      return answer;
    }
    return undefined;
  }

  /** Runs the response policies, before the response head is sent to the client. */
  respond(exchange: Exchange): void {
    if (this.#response.length === 0) return;
    const { request, response, id: requestId, clientAddress } = exchange;
    const context: PolicyContext = { request, response, requestId, clientAddress };
    for (const policy of this.#response) policy.run(context);
  }
}
