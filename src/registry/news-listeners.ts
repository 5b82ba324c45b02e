import type { News } from './contract.ts';
import { concerns } from './store.ts';

/** Who wants to hear news; the same function may listen twice. */
export class NewsListeners {
  readonly #all = new Set<{ readonly tell: (news: News) => void; readonly server: string | undefined }>();

  /** @param server the only one whose news is wanted; undefined: every server's */
  add(listener: (news: News) => void, server: string | undefined): () => void {
    const entry = { tell: listener, server };
    this.#all.add(entry);
    return () => this.#all.delete(entry);
  }

  /** Later, so that no listener runs inside the change that it hears of. */
  tell(news: readonly News[]): void {
    if (news.length === 0 || this.#all.size === 0) return;
    queueMicrotask(() => {
      for (const item of news) {
        for (const { tell, server } of this.#all) if (concerns(item, server)) tell(item);
      }
    });
  }
}
