import { type Branch, countBelow, nodeText, parentOf, rootName, textHash } from './caller-tree.ts';

/** The nodes of a tree of callers over leaves that come, go and change: a change costs the nodes above its leaf. */
export class CallerHashes {
  readonly #children = new Map<string, Map<string, Branch>>([[rootName, new Map()]]);
  /** Nodes whose children have changed since their hashes were made. */
  readonly #stale = new Set<string>([rootName]);
  #root = '';

  /** Hash of the root. */
  get root(): string {
    this.#settle();
    return this.#root;
  }

  /** Puts the hash and the number of consumers of a bucket or of the products; undefined: the leaf is gone. */
  put(leaf: string, branch: Branch | undefined): void {
    this.#put(parentOf(leaf) ?? rootName, leaf, branch);
  }

  /** Text of a node; undefined if there is nothing below it. */
  text(node: string): string | undefined {
    this.#settle();
    const children = this.#children.get(node);
    return children && nodeText(children);
  }

  /** Hashes of all nodes and leaves, by name. */
  all(): Map<string, string> {
    this.#settle();
    const hashes = new Map([[rootName, this.#root]]);
    for (const children of this.#children.values()) for (const [name, [hash]] of children) hashes.set(name, hash);
    return hashes;
  }

  #put(parent: string, child: string, branch: Branch | undefined): void {
    const children = this.#children.get(parent) ?? new Map<string, Branch>();
    if (branch === undefined) children.delete(child);
    else children.set(child, branch);
    this.#children.set(parent, children);
    this.#stale.add(parent);
  }

  /** Hashes from the lowest nodes up. */
  #settle(): void {
    for (const isLevel of [(node: string) => node.length === 2, (node: string) => node.length === 1, (node: string) => node === rootName]) {
      for (const node of [...this.#stale].filter(isLevel)) {
        this.#stale.delete(node);
        const children = this.#children.get(node) ?? new Map<string, Branch>();
        const text = nodeText(children);
        if (node === rootName) this.#root = textHash(text);
        else if (children.size > 0) this.#put(parentOf(node) ?? rootName, node, [textHash(text), countBelow(children.values())]);
        else {
          this.#children.delete(node);
          this.#put(parentOf(node) ?? rootName, node, undefined);
        }
      }
    }
  }
}
