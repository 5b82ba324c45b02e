import type { News } from '../../model/news.ts';

/** The Redis channels on which news is published, and those that a listener subscribes to. */
export class NewsChannels {
  readonly #prefix: string;

  constructor(prefix: string) {
    this.#prefix = prefix;
  }

  /** Channels that `news` is published on. */
  of(news: News): string[] {
    const all = `${this.#prefix}:news`;
    // On channels of their own: versions that do not know these kinds are not subscribed to them.
    if (news.kind === 'secret') return [`${all}:secrets`];
    if (news.kind === 'callers') return [`${all}:callers`];
    if (news.kind === 'purge') return [`${all}:purges`];
    if (news.kind !== 'server') return [all];
    return news.own ? [`${all}:servers`] : [`${all}:servers`, `${all}:server:${news.name}`];
  }

  /** Channels that carry the news of one server, or of every server (undefined), and all other news. */
  for(server: string | undefined): string[] {
    const all = `${this.#prefix}:news`;
    return server === undefined
      ? [all, `${all}:servers`, `${all}:secrets`, `${all}:callers`, `${all}:purges`]
      : [all, `${all}:server:${server}`, `${all}:callers`, `${all}:purges`];
  }
}
