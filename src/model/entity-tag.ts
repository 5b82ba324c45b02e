import { contentHash, contentHashInPieces } from './content-hash.ts';
import type { Environment } from './environment.ts';
import { atOnce, type Pieces } from './pieces.ts';
import type { ProjectSummary } from './revision.ts';
import type { ServerRecord } from './server.ts';

/** Tags that an object must have, one of them, for a change to be made; `*`: it must exist, with any tag. */
export type ExpectedTags = readonly string[];

/** True if an object with this tag (`undefined`: no object) satisfies a condition. */
export function satisfies(expect: ExpectedTags | undefined, tag: string | undefined): boolean {
  return expect === undefined || (tag !== undefined && (expect.includes('*') || expect.includes(tag)));
}

/** Tag of an environment: differs after a change of its settings or deployments. */
export function environmentTag({ input }: Pick<Environment, 'input'>, version: number): string {
  return atOnce(environmentTagInPieces({ input }, version));
}

/** Like {@link environmentTag}: each static server is one piece. */
export function* environmentTagInPieces({ input }: Pick<Environment, 'input'>, version: number): Pieces<string> {
  const hash = inputHashes.get(input) ?? shortened(yield* contentHashInPieces(input));
  inputHashes.set(input, hash);
  return `${version}-${hash}`;
}

/** Hashes of settings, which never change once they are read: thousands of static servers take a millisecond. */
const inputHashes = new WeakMap<object, string>();

/** Tag of a server: differs after a change by an operator, and after a restart. What changes by itself, such as counts, is left out. */
export function serverTag(
  server: Pick<ServerRecord, 'address' | 'weight'> & {
    readonly environment?: string | null | undefined;
    readonly movingTo?: string | null | undefined;
    readonly instance: string | null;
    readonly draining: boolean;
  },
): string {
  const { instance, environment = null, movingTo = '', address, weight, draining } = server;
  return short({ instance, environment, movingTo, address, weight, draining });
}

/** Tag of a project: differs after a push or removal of a revision. */
export function projectTag({ latest, revisions }: Pick<ProjectSummary, 'latest' | 'revisions'>): string {
  return `${latest}-${short(revisions.map(({ revision }) => revision))}`;
}

function short(value: unknown): string {
  return shortened(contentHash(value));
}

function shortened(hash: string): string {
  return hash.slice(0, 16);
}
