import { type PolicyEntry, policyPoints } from '../model/project.ts';

type Lists = Readonly<Partial<Record<(typeof policyPoints)[number], readonly PolicyEntry[]>>>;

/** Parts of a written project that have policies. */
export interface WrittenPolicies {
  readonly policies?: Lists;
  readonly resources?: readonly { readonly policies?: Lists }[];
}

/** True if a policy of the project finds consumers by what requests show: its setting `consumers` is on, or depends on a variable. */
export function findsConsumers({ policies, resources = [] }: WrittenPolicies): boolean {
  return [policies, ...resources.map((one) => one.policies)].some((lists) =>
    policyPoints.some((point) => (lists?.[point] ?? []).some((entry) => Object.values(entry).some(asksForConsumers))),
  );
}

function asksForConsumers(settings: unknown): boolean {
  if (settings === null || typeof settings !== 'object') return false;
  const { consumers = false } = settings as { consumers?: unknown };
  return consumers !== false;
}
