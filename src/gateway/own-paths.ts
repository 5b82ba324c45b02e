import type { NamedPolicy } from '../policies/contract.ts';
import { refuse } from '../policies/refusal.ts';
import { noPolicies } from '../projects/policy-set.ts';
import type { ProjectPlan } from '../projects/project-plan.ts';
import { failures } from '../proxy/failures.ts';
import { PolicyChain } from './policy-chain.ts';

/**
 * The paths that policies of a project answer themselves, such as those of a login. The project's policies run there too, so that its filters hold.
 * Nothing is forwarded, because the paths are reserved.
 */
export function ownPaths({ policies, resources }: ProjectPlan): { readonly path: string; readonly policies: PolicyChain }[] {
  const answering = new Set<NamedPolicy>();
  for (const set of [policies, ...resources.map((resource) => resource.policies)])
    for (const policy of set.proxyRequest) if (policy.paths !== undefined) answering.add(policy);
  const others = [...answering].filter((policy) => !policies.proxyRequest.includes(policy));
  const chain = new PolicyChain(policies, { ...noPolicies, proxyRequest: [...others, unanswered] });
  return [...new Set([...answering].flatMap(({ paths = [] }) => paths))].map((path) => ({ path, policies: chain }));
}

/** Ends a chain whose policies have not answered. */
const unanswered: NamedPolicy = {
  name: 'path',
  first: false,
  answersPreflights: false,
  run: (context) => refuse(context, failures.noResource),
};
