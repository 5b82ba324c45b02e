import type { Manifest } from '../../src/model/manifest.ts';
import type { Registry } from '../../src/registry/contract.ts';
import { overlaidRegistry } from './overlaid-registry.ts';

/** Name of the project that the deploys of a run change. */
export const changedProject = 'fleet';

/**
 * Wraps a registry for a gateway that holds only the project that the deploys change, since a thousand gateways on one machine cannot hold ten
 * thousand projects each. Everything is sent to it as to any other gateway; of a whole manifest it forgets the rest.
 */
export function lightRegistry(registry: Registry): Registry {
  const light = <Answer extends { readonly update?: Manifest }>(answer: Answer): Answer => {
    const { update } = answer;
    if (update === undefined || update.from !== undefined) return answer;
    return { ...answer, update: { ...update, put: update.put.filter(({ name }) => name === changedProject) } };
  };
  const methods: Partial<Registry> = {
    join: async (request) => light(await registry.join(request)),
    renew: async (report) => light(await registry.renew(report)),
  };
  return overlaidRegistry(registry, methods);
}
