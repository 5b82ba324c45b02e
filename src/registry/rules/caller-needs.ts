import { productsName } from '../../model/caller-tree.ts';
import type { Consumer } from '../../model/consumer.ts';
import { contentHash } from '../../model/content-hash.ts';
import { SluiceError } from '../../model/fault.ts';
import type { Manifest, ManifestEntry } from '../../model/manifest.ts';
import { parsePieces } from '../../model/parse-pieces.ts';
import { inTurns, type Pieces } from '../../model/pieces.ts';
import type { Product } from '../../model/product.ts';
import { SharedReads } from '../../model/shared-reads.ts';
import type { SnapshotId } from '../../model/snapshot-id.ts';
import { findsConsumers, type WrittenPolicies } from '../../projects/finds-consumers.ts';
import { revisionName } from '../documents.ts';
import type { CallerCopy } from './caller-copy.ts';
import type { Deployments } from './deployments.ts';
import type { Ledger } from './ledger.ts';

/** Revisions that are read at once. */
const revisionsAtOnce = 64;

/** The consumers and products that servers of an environment need. */
export interface CallerNeeds {
  /** Equal for environments that need the same. */
  readonly id: string;
  /** A project that is in no product finds consumers: each of them can call it. */
  readonly everyone: boolean;
  /** Products with projects of the environment, each with those projects alone. */
  readonly products: readonly Product[];
}

interface Deployed {
  readonly entry: ManifestEntry;
  /** Undefined: not read yet. */
  finds?: boolean;
}

/** An environment as it was looked at last. */
interface Known {
  snapshot: SnapshotId | undefined;
  readonly deployed: Map<string, Deployed>;
  productsHash: string | undefined;
  needs: CallerNeeds;
}

const nobody: CallerNeeds = needsOf(false, []);

/** Finds what environments need of consumers and products. A deploy costs what it changes; contents are read of projects that are in no product. */
export class CallersNeeded {
  readonly #ledger: Ledger;
  readonly #deployments: Pick<Deployments, 'manifest'>;
  readonly #copy: Pick<CallerCopy, 'products' | 'hashOf'>;
  readonly #known = new Map<string, Known>();
  readonly #reads = new Map<string, SharedReads<CallerNeeds>>();

  constructor(ledger: Ledger, deployments: Pick<Deployments, 'manifest'>, copy: Pick<CallerCopy, 'products' | 'hashOf'>) {
    this.#ledger = ledger;
    this.#deployments = deployments;
    this.#copy = copy;
  }

  /** Resolves to the needs as of a time after the call, by the products in the copy. */
  async of(environment: string): Promise<CallerNeeds> {
    const reads = this.#reads.get(environment) ?? new SharedReads(() => this.#read(environment));
    this.#reads.set(environment, reads);
    const needs = await reads.now();
    if (!this.#known.has(environment)) this.#reads.delete(environment);
    return needs;
  }

  async #read(environment: string): Promise<CallerNeeds> {
    const known = this.#known.get(environment) ?? { snapshot: undefined, deployed: new Map(), productsHash: undefined, needs: nobody };
    const manifest = await this.#manifest(environment, known.snapshot);
    if (manifest === undefined) {
      this.#known.delete(environment);
      return nobody;
    }
    const productsHash = this.#copy.hashOf(productsName);
    const isSame = manifest.from !== undefined && manifest.put.length + manifest.removed.length === 0;
    if (isSame && known.productsHash === productsHash) return known.needs;
    if (manifest.from === undefined) known.deployed.clear();
    for (const name of manifest.removed) known.deployed.delete(name);
    for (const entry of manifest.put) known.deployed.set(entry.name, { entry });
    const needs = await this.#needs(known.deployed, this.#copy.products);
    const { epoch, version, hash } = manifest;
    this.#known.set(environment, { snapshot: { epoch, version, hash }, deployed: known.deployed, productsHash, needs });
    return needs;
  }

  async #manifest(environment: string, since: SnapshotId | undefined): Promise<Manifest | undefined> {
    try {
      return await this.#deployments.manifest(environment, since);
    } catch (error) {
      if (error instanceof SluiceError && error.code === 'not-found') return undefined;
      throw error;
    }
  }

  async #needs(deployed: ReadonlyMap<string, Deployed>, products: readonly Product[]): Promise<CallerNeeds> {
    const ofProducts = new Set(products.flatMap(({ projects }) => projects));
    const own = products.flatMap((product) => {
      const projects = product.projects.filter((project) => deployed.has(project));
      return projects.length === 0 ? [] : [{ ...product, projects }];
    });
    const open = [...deployed.values()].filter(({ entry }) => !ofProducts.has(entry.name));
    return needsOf(await this.#oneFinds(open), own);
  }

  /** True if one of the deployments finds consumers. Those that were not read yet are read until one does. */
  async #oneFinds(open: readonly Deployed[]): Promise<boolean> {
    if (open.some(({ finds }) => finds)) return true;
    const unread = open.filter(({ finds }) => finds === undefined);
    for (let start = 0; start < unread.length; start += revisionsAtOnce)
      if (await this.#look(unread.slice(start, start + revisionsAtOnce))) return true;
    return false;
  }

  async #look(some: readonly Deployed[]): Promise<boolean> {
    const namesOf = ({ entry: { name, revision, fallback } }: Deployed) =>
      [revision, ...(fallback === undefined ? [] : [fallback.revision])].map((number) => revisionName(name, number));
    const wanted = some.flatMap(namesOf).map((name) => ({ kind: 'revision', name }) as const);
    const { documents } = await this.#ledger.store.read(wanted);
    const found = new Map<string, boolean | undefined>();
    for (const { name, text } of documents) found.set(name, mayFind(text) && (await inTurns(finds(text))));
    for (const one of some) {
      const all = namesOf(one).map((name) => found.get(name));
      if (all.includes(true)) one.finds = true;
      else if (!all.includes(undefined)) one.finds = false;
    }
    // Of a document that is lost or damaged nothing can be told, and servers that have it serve it: they are not to lose its consumers.
    return some.some(({ finds }) => finds !== false);
  }
}

/** The consumer as servers with these needs get it; undefined: they do not get it. */
export function neededPart(consumer: Consumer, { everyone, products }: CallerNeeds): Consumer | undefined {
  if (!everyone && products.length === 0) return undefined;
  const own = consumer.products.filter((name) => products.some((product) => product.name === name));
  // One without any subscription belongs to no other environment: servers know it, so that they tell it what it lacks.
  if (!everyone && own.length === 0 && consumer.products.length > 0) return undefined;
  return own.length === consumer.products.length ? consumer : { ...consumer, products: own };
}

function needsOf(everyone: boolean, products: readonly Product[]): CallerNeeds {
  return { id: contentHash({ everyone, products }), everyone, products };
}

/** False if no policy of the project can have the setting, so that the text need not be parsed. */
function mayFind(text: string): boolean {
  return text.includes('"consumers"') || text.includes('\\u');
}

/** Reads a revision's document; undefined: it is damaged. */
function* finds(text: string): Pieces<boolean | undefined> {
  try {
    const { project } = (yield* parsePieces(text)) as { project: WrittenPolicies };
    return findsConsumers(project);
  } catch {
    return undefined;
  }
}
