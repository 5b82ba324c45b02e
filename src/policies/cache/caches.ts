import type { StoredResponse } from './stored-response.ts';

/** Stored responses to be removed: those that all of these hold for, of which undefined ones hold for all. */
export interface Purge {
  readonly project?: string | undefined;
  /** A member of the target's Cache-Tag. */
  readonly tag?: string | undefined;
  /** Path of the URL, without its query; ending in `*`, of all URLs whose paths begin like this. */
  readonly path?: string | undefined;
}

/** A cache that purges reach. */
export interface PurgedCache {
  /** Removes what `matches`. Returns the number of URLs that had some of it. */
  purge(matches: (key: string, response: StoredResponse) => boolean): number;
  /** Has everything that is stored confirmed by the target before it is used again. */
  doubt(): void;
}

/** The caches that a gateway server answers from. */
export class Caches {
  readonly #caches = new Map<PurgedCache, string>();

  add(cache: PurgedCache, project: string): void {
    this.#caches.set(cache, project);
  }

  delete(cache: PurgedCache): void {
    this.#caches.delete(cache);
  }

  /** Removes stored responses. Returns the number of URLs that had some of them. */
  purge({ project, tag, path }: Purge): number {
    const matches = (key: string, { tags }: StoredResponse) =>
      (tag === undefined || tags.includes(tag)) && (path === undefined || isAt(key, path));
    let purged = 0;
    for (const [cache, of] of this.#caches) if (project === undefined || of === project) purged += cache.purge(matches);
    return purged;
  }

  /** Has everything that is stored confirmed by its target before it is used again: a purge may have been missed. */
  doubt(): void {
    for (const cache of this.#caches.keys()) cache.doubt();
  }
}

/** The path of a key is this one, or begins like it. */
function isAt(key: string, path: string): boolean {
  const start = key.indexOf('/', key.indexOf('//') + 2);
  const query = key.indexOf('?', start);
  const own = key.slice(start, query < 0 ? undefined : query);
  return path.endsWith('*') ? own.startsWith(path.slice(0, -1)) : own === path;
}
