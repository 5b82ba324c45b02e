import { concerns, type News } from '../model/news.ts';

/** Listeners for a registry's news. A function may be added more than once. */
export class NewsListeners {
  readonly #all = new Set<{ readonly tell: (news: News) => void; readonly server: string | undefined }>();

  /** @param server the only server whose news is wanted; undefined: every server's */
  add(listener: (news: News) => void, server: string | undefined): () => void {
    const entry = { tell: listener, server };
    this.#all.add(entry);
    return () => this.#all.delete(entry);
  }

  /** Calls the listeners in a later microtask, so that none of them runs in the middle of the change that made the news. */
  tell(news: readonly News[]): void {
    if (news.length === 0 || this.#all.size === 0) return;
    queueMicrotask(() => {
      for (const item of news) {
        for (const { tell, server } of this.#all) if (concerns(item, server)) tell(item);
      }
    });
  }
}
