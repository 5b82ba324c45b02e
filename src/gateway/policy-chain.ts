import type { Fault } from '../model/fault.ts';
import type { PolicyPoint, Project } from '../model/project.ts';
import { compilePolicies } from '../policies/compile-policies.ts';
import type { NamedPolicy, PolicyAnswer, PolicyContext } from '../policies/contract.ts';
import type { Exchange } from '../proxy/contract.ts';
import { substitute, type Variables } from './variables.ts';

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

/** The policies of a project, or of one resource, at each point. */
export type PolicySet = Readonly<Record<PolicyPoint, readonly NamedPolicy[]>>;

/** No policy at any point. */
export const noPolicies: PolicySet = { proxyRequest: [], targetRequest: [], targetResponse: [], proxyResponse: [] };

/** @param path place of `lists` in the document, for faults */
export function compileSet(lists: Project['policies'], path: string, variables: Variables, faults: Fault[]): PolicySet {
  const at = (point: PolicyPoint) => compilePolicies(substitute(lists[point], variables, `${path}.${point}`, faults), point, path, faults);
  return {
    proxyRequest: at('proxyRequest'),
    targetRequest: at('targetRequest'),
    targetResponse: at('targetResponse'),
    proxyResponse: at('proxyResponse'),
  };
}
