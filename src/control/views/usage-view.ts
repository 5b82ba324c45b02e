import type { UsageAnswer, UsageFigures } from '../../api/usage-answers.ts';
import { parsePieces } from '../../model/parse-pieces.ts';
import { eachInTurns, inTurns, mapInTurns } from '../../model/pieces.ts';
import { type UsageList, type UsageRow, usageLists, usageRows } from '../../model/server-usage.ts';
import { UsageSum } from '../../model/usage-sum.ts';

/** Most consumers in an answer. */
const mostConsumers = 200;

type Down = UsageAnswer['down'][number];
type Url = UsageAnswer['projects'][number]['targets'][number]['urls'][number];

/** Counts of the servers of an environment, added up. */
export class UsageTotals {
  /** Start of the server that has counted longest, in milliseconds since 1970. */
  since: number | undefined;
  answered = 0;
  readonly #projects = new Map<string, UsageSum>();
  readonly #routes = new Sums<{ readonly project: string; readonly resource: string }>();
  readonly #targets = new Sums<{ readonly project: string; readonly target: string; readonly urls: Map<string, Url> }>();
  readonly #policies = new Map<string, Map<string, number>>();
  readonly #consumers = new Sums<{ readonly project: string; readonly consumer: string; lastSeen: number }>();
  readonly #down = new Map<string, Down>();

  /** URLs of targets to which servers send no requests. */
  get down(): UsageAnswer['down'] {
    return [...this.#down.values()];
  }

  /** Adds what a server has answered. Throws, and adds nothing, if that is no report of this kind. */
  async add(answer: string): Promise<void> {
    const report = (await inTurns(parsePieces(answer))) as { readonly since: number } & Readonly<Record<UsageList, unknown[]>>;
    const rows = await mapInTurns(rowsOf(report), (row) => row);
    await eachInTurns(rows, ([list, row]) => this.#take[list](row as never));
    this.answered++;
    this.since = Math.min(this.since ?? Number.POSITIVE_INFINITY, Number(report.since));
  }

  /** @param consumer the only one to show; undefined: all */
  async answer(consumer?: string): Promise<Pick<UsageAnswer, 'projects' | 'consumers' | 'consumersLeftOff' | 'down'>> {
    let found = 0;
    let busiest: Counted<{ readonly project: string; readonly consumer: string; readonly lastSeen: number }>[] = [];
    const cut = () => {
      busiest = busiest.sort(busiestFirst).slice(0, mostConsumers);
    };
    await eachInTurns(this.#consumers, (one) => {
      if (consumer !== undefined && one.about.consumer !== consumer) return;
      found++;
      busiest.push(one);
      if (busiest.length >= 2 * mostConsumers) cut();
    });
    cut();
    const projects = [...this.#projects].map(([project, sum]) => ({ project, sum })).sort(busiestFirst);
    return {
      projects: await mapInTurns(projects, ({ project, sum }) => ({ project, ...figuresOf(sum), ...this.#partsOf(project) })),
      consumers: busiest.map(({ about, sum }) => ({ ...about, ...figuresOf(sum) })),
      consumersLeftOff: found - busiest.length,
      down: this.down,
    };
  }

  #partsOf(project: string): Pick<UsageAnswer['projects'][number], 'routes' | 'targets' | 'policies'> {
    const ofProject = ({ about }: { about: { readonly project: string } }) => about.project === project;
    return {
      routes: [...this.#routes]
        .filter(ofProject)
        .sort(busiestFirst)
        .map(({ about: { resource }, sum }) => ({ resource, ...figuresOf(sum) })),
      targets: [...this.#targets]
        .filter(ofProject)
        .map(({ about: { target, urls }, sum }) => ({ target, ...figuresOf(sum), urls: [...urls.values()] })),
      policies: [...(this.#policies.get(project) ?? [])].map(([policy, refused]) => ({ policy, refused })),
    };
  }

  readonly #take: { readonly [List in UsageList]: (row: UsageRow<List>) => void } = {
    projects: ({ project, ...counts }) => {
      const sum = this.#projects.get(project) ?? new UsageSum();
      this.#projects.set(project, sum);
      sum.add(counts);
    },
    routes: ({ project, resource, ...counts }) => void this.#routes.of(project, resource, () => ({ project, resource })).sum.add(counts),
    targets: ({ project, target, urls, ...counts }) => {
      const { about, sum } = this.#targets.of(project, target, () => ({ project, target, urls: new Map() }));
      sum.add(counts);
      for (const url of urls) about.urls.set(url.url, combined(about.urls.get(url.url), url));
    },
    policies: ({ project, policy, refused }) => {
      const ofProject = this.#policies.get(project) ?? new Map<string, number>();
      this.#policies.set(project, ofProject.set(policy, (ofProject.get(policy) ?? 0) + refused));
    },
    consumers: ({ project, consumer, lastSeen, ...counts }) => {
      const { about, sum } = this.#consumers.of(project, consumer, () => ({ project, consumer, lastSeen }));
      about.lastSeen = Math.max(about.lastSeen, lastSeen);
      sum.add(counts);
    },
    down: ({ project, target, url, reason }) => {
      const key = JSON.stringify([project, target, url]);
      const { downOn = 0, ...before } = this.#down.get(key) ?? {};
      this.#down.set(key, { project, target, url, ...(reason !== undefined && { reason }), ...before, downOn: downOn + 1 });
    },
  };
}

/** A sum with what it is about. */
interface Counted<About> {
  readonly about: About;
  readonly sum: UsageSum;
}

/** Sums by two names. */
class Sums<About> implements Iterable<Counted<About>> {
  readonly #sums = new Map<string, Counted<About>>();

  of(project: string, name: string, about: () => About): Counted<About> {
    const key = JSON.stringify([project, name]);
    const known = this.#sums.get(key) ?? { about: about(), sum: new UsageSum() };
    this.#sums.set(key, known);
    return known;
  }

  [Symbol.iterator]() {
    return this.#sums.values();
  }
}

/** The rows of a report, each checked when it is reached. */
function* rowsOf(report: Readonly<Record<UsageList, unknown[]>>): Generator<readonly [UsageList, unknown]> {
  for (const list of usageLists) for (const row of report[list]) yield [list, usageRows[list].parse(row)];
}

/** The state of a URL on one more server: it is down if it is on any. */
function combined(before: Url | undefined, { url, up, reason }: UsageRow<'targets'>['urls'][number]): Url {
  const downOn = (before?.downOn ?? 0) + (up === false ? 1 : 0);
  const shown = before?.reason ?? reason;
  const state = downOn > 0 ? false : (up ?? before?.up ?? null);
  return { url, up: state, ...(shown !== undefined && { reason: shown }), downOn };
}

function figuresOf(sum: UsageSum): UsageFigures {
  const { requests, refused, failed } = sum;
  const time = (q: number) => rounded(sum.quantile(q));
  return { requests, refused, failed, perSecond: rounded(sum.perSecond) ?? 0, p50: time(0.5), p95: time(0.95), p99: time(0.99) };
}

function rounded(value: number | undefined): number | null {
  return value === undefined ? null : Math.round(value * 100) / 100;
}

function busiestFirst({ sum: one }: { sum: UsageSum }, { sum: other }: { sum: UsageSum }): number {
  return other.requests - one.requests;
}
