import { type Manifest, mostRevisionsAsked, type RevisionId } from '../../src/model/manifest.ts';
import type { Registry } from '../../src/registry/contract.ts';
import { overlaidRegistry } from './overlaid-registry.ts';

/** Name of the project that the deploys of a run change. */
export const changedProject = 'fleet';
/** Milliseconds that the reading of what is forgotten takes at most in one question of the gateway. */
const readingMs = 4000;

/**
 * Wraps a registry for a gateway that holds only the project that the deploys change, since a thousand gateways on one machine cannot hold ten
 * thousand projects each. Everything is sent to it as to any other gateway; of a whole manifest it forgets the rest.
 * @param readsAll reads the contents of what is forgotten, too, before those that the gateway asks for
 */
export function lightRegistry(registry: Registry, { readsAll }: { readonly readsAll: boolean }): Registry {
  let unread: RevisionId[] = [];
  const light = <Answer extends { readonly update?: Manifest }>(answer: Answer): Answer => {
    const { update } = answer;
    if (update === undefined || update.from !== undefined) return answer;
    if (readsAll) unread = update.put.filter(({ name }) => name !== changedProject);
    return { ...answer, update: { ...update, put: update.put.filter(({ name }) => name === changedProject) } };
  };
  const methods: Partial<Registry> = {
    join: async (request) => light(await registry.join(request)),
    renew: async (report) => light(await registry.renew(report)),
    revisions: async (wanted) => {
      for (const begun = performance.now(); unread.length > 0; ) {
        const asked = unread.slice(0, mostRevisionsAsked).map(({ name, revision }) => ({ name, revision }));
        const { length } = await registry.revisions(asked);
        unread = unread.slice(length);
        if (length === 0 || performance.now() - begun > readingMs) return [];
      }
      return registry.revisions(wanted);
    },
  };
  return overlaidRegistry(registry, methods);
}
