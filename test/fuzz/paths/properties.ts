import fc from '../../tools/fast-check.ts';
import type { Fuzzer } from '../fuzzer.ts';
import { readers } from './readers.ts';
import { arbitraryTargets, spelledTargets } from './spellings.ts';
import { basePaths, refusedByBalancer, resourceOf, throughGateway } from './world.ts';

/**
 * For every spelling of a path that a gateway forwards: policies ran for the resource that each reader sees in what the target gets, and
 * no reader leaves the target's own path, or sees the path of another project. Returns false if the gateway forwards nothing.
 */
function checkGateway(target: string): boolean {
  const forwarded = throughGateway(target);
  if (typeof forwarded === 'string') return false;
  const { target: sent, world, ran } = forwarded;
  const prefix = world.prefix.split('/').slice(1);
  for (const [name, read] of readers) {
    const segments = read(sent);
    if (segments === undefined) continue;
    const seen = `${name} reads ${sent} as ${JSON.stringify(segments)}`;
    if (segments.some((segment) => segment === '..' || segment === '.')) throw new Error(`a dot segment passes: ${seen}`);
    if (prefix.some((segment, index) => segments[index] !== segment)) throw new Error(`outside the target's path: ${seen}`);
    const rest = segments.slice(prefix.length);
    if (world.basePath === '/' && basePaths.includes(rest[0] ?? '')) throw new Error(`another project's path: ${seen}`);
    if (world.basePath === '/' && rest[0] === '.sluice') throw new Error(`a reserved path: ${seen}`);
    const resource = resourceOf(world, rest);
    if (resource === undefined) throw new Error(`no resource: ${seen}`);
    if (!ran.has(resource)) throw new Error(`policies of ${[...ran]} ran, not those of ${resource}: ${seen}`);
  }
  return true;
}

/** For every spelling that the balancer forwards: neither a gateway server nor any other reader sees a reserved path in it. */
function checkBalancer(target: string): void {
  if (refusedByBalancer(target)) return;
  if (['not-found', 'unauthorized', '200', '503'].includes(String(throughGateway(target))))
    throw new Error(`reserved for gateways: ${target}`);
  for (const [name, read] of readers) {
    const segments = read(target)?.filter((segment) => segment !== '');
    if (segments?.some((segment) => segment === '..' || segment === '.')) continue; // A path that no server resolves leads nowhere.
    if (segments?.[0]?.toLowerCase() === '.sluice') throw new Error(`${name} reads ${target} as ${JSON.stringify(segments)}`);
  }
}

/** Paths in every spelling that some server reads leniently. */
export const paths: Fuzzer = {
  name: 'paths',
  async open() {
    let reached = 0;
    const targets = fc.oneof({ arbitrary: spelledTargets, weight: 3 }, { arbitrary: arbitraryTargets, weight: 1 });
    const property = fc.asyncProperty(targets, async (target) => {
      checkBalancer(target);
      if (checkGateway(target)) reached++;
    });
    return { property, reached: () => reached, batch: 2000, close: async () => {} };
  },
};
