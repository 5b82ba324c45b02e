import { type CallerPart, callerNode, isBucket, mostPartsAsked, productsName, rootName, textHash } from '../model/caller-tree.ts';
import { SluiceError } from '../model/fault.ts';
import { eachInTurns } from '../model/pieces.ts';

/** Source and destination of the parts that a {@link CallerFollower} reads. */
export interface FollowedCallers {
  /** Reads parts of the tree; of large ones only the first. */
  ask(wanted: readonly string[]): Promise<readonly CallerPart[]>;
  /** Takes a bucket or the products; returns false if the text is not understood. */
  take(name: string, text: string): boolean;
  /** Drops a bucket, or the products, that the tree does not have any more. */
  drop(name: string): void;
}

/** Follows a tree of callers: reads the nodes whose hashes differ from what is here, then the buckets. */
export class CallerFollower {
  readonly #followed: FollowedCallers;
  /** Hashes of the leaves that are here, and of the nodes all of whose parts are. */
  readonly hashes = new Map<string, string>();

  constructor(followed: FollowedCallers) {
    this.#followed = followed;
  }

  /** Resolves to true if what is here has become the tree with this hash of its root, to false if that has changed meanwhile. */
  async follow(root: string): Promise<boolean> {
    if (this.hashes.get(rootName) === root) return true;
    const nodes = new Map<string, string>();
    let wanted = [rootName];
    while (wanted.length > 0) {
      const below: string[] = [];
      await this.#ask(wanted, (name, text) => {
        if (isLeaf(name)) {
          if (this.#followed.take(name, text)) this.hashes.set(name, textHash(text));
        } else {
          nodes.set(name, textHash(text));
          below.push(...this.#differing(name, text));
        }
      });
      wanted = below;
    }
    // Not before all below them were read: a failure in the middle must not hide what is missing.
    for (const [name, hash] of nodes) this.hashes.set(name, hash);
    return this.hashes.get(rootName) === root;
  }

  /** Asks for parts, as many at a time as may be, and takes them in turns of the event loop. */
  async #ask(wanted: readonly string[], take: (name: string, text: string) => void): Promise<void> {
    const missing = [...wanted];
    while (missing.length > 0) {
      const parts = await this.#followed.ask(missing.slice(0, mostPartsAsked));
      if (parts.length === 0) throw new SluiceError('unavailable', 'the registry serves other servers first');
      const got = new Set(parts.map(({ name }) => name));
      await eachInTurns(parts, ({ name, text }) => take(name, text));
      missing.splice(0, missing.length, ...missing.filter((name) => !got.has(name)));
    }
  }

  /** Names of the parts below a node that differ from those here. Drops what the node does not have any more. */
  #differing(name: string, text: string): string[] {
    const { children } = callerNode.parse(JSON.parse(text));
    const start = name === rootName ? '' : name;
    for (const digit of digits) if (children[start + digit] === undefined) this.#drop(start + digit);
    if (name === rootName && children[productsName] === undefined) this.#drop(productsName);
    return Object.entries(children).flatMap(([child, [hash]]) => (this.hashes.get(child) === hash ? [] : [child]));
  }

  #drop(part: string): void {
    const known = this.hashes.delete(part);
    if (!isLeaf(part)) for (const digit of digits) this.#drop(part + digit);
    else if (known) this.#followed.drop(part);
  }
}

const digits = '0123456789abcdef';

function isLeaf(part: string): boolean {
  return isBucket(part) || part === productsName;
}
