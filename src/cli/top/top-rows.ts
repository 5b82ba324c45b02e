import type { ServerAnswer } from '../../api/answers.ts';
import type { Series } from '../../api/series.ts';
import { describeStanding, type ServerStanding } from '../commands/standing.ts';
import type { TopState } from './top-state.ts';

/** The traffic of an environment or a server, over the last few seconds. */
export interface TopSample {
  /** A second. */
  readonly requests: number;
  /** Of the requests, 0 to 1. */
  readonly errors: number;
  /** Milliseconds; null if nothing was answered. */
  readonly p50: number | null;
  readonly p99: number | null;
  readonly active: number;
}

export interface TopServer extends TopSample {
  readonly id: string;
  /** Of its environment's requests, 0 to 1; null if there were none. */
  readonly share: number | null;
  readonly version: number | null;
  readonly standing: ServerStanding;
}

export interface TopEnvironment extends TopSample {
  readonly name: string;
  readonly wanted: number;
  readonly servers: readonly TopServer[];
}

export interface TopRows {
  readonly environments: readonly TopEnvironment[];
  /** Servers that wait to be added to one. */
  readonly available: readonly TopServer[];
}

/** What rows can be sorted by; all but the name: the largest first. */
export const sortings = {
  name: () => 0,
  requests: ({ requests }: TopSample) => -requests,
  errors: ({ errors, requests }: TopSample) => -errors * requests,
  latency: ({ p99 }: TopSample) => -(p99 ?? 0),
  active: ({ active }: TopSample) => -active,
} as const;
export type Sorting = keyof typeof sortings;

/** As data: with `--json` that is what is printed. */
export function plainRows({ environments, available }: TopRows) {
  const plain = ({ standing, ...server }: TopServer) => ({ ...server, status: standing.word.text, reason: standing.reason });
  return {
    environments: environments.map((environment) => ({ ...environment, servers: environment.servers.map(plain) })),
    available: available.map(plain),
  };
}

/** @param only an environment's name: nothing else is wanted */
export function topRows(state: TopState, sorting: Sorting, only: string | undefined): TopRows {
  const environments = state.environments
    .filter(({ name }) => only === undefined || name === only)
    .map(({ name, status }) => {
      const all = state.ofEnvironment(name);
      const servers = [...state.servers.values()]
        .filter((server) => server.environment === name)
        .map((server) => serverOf(state, server, describeStanding(server, status.snapshot), all?.rate ?? 0));
      return { name, wanted: status.snapshot.version, ...topSample(all), servers: sorted(servers, sorting) };
    });
  const available = [...state.servers.values()]
    .filter(({ environment }) => only === undefined && environment === null)
    .map((server) => serverOf(state, server, describeStanding(server, undefined), 0));
  return { environments: sorted(environments, sorting), available: sorted(available, 'name') };
}

function serverOf(state: TopState, server: ServerAnswer, standing: ServerStanding, all: number): TopServer {
  const figures = topSample(state.ofServer(server));
  return {
    id: server.id,
    ...figures,
    share: all === 0 ? null : Math.min(1, figures.requests / all),
    version: server.running?.version ?? null,
    standing,
  };
}

function topSample(series: Series | undefined): TopSample {
  const last = series?.last;
  return {
    requests: series?.rate ?? 0,
    errors: series?.errorShare ?? 0,
    p50: last?.p50 ?? null,
    p99: last?.p99 ?? null,
    active: last?.active ?? 0,
  };
}

function sorted<Row extends TopSample & ({ readonly name: string } | { readonly id: string })>(rows: readonly Row[], by: Sorting): Row[] {
  const nameOf = (row: Row) => ('name' in row ? row.name : row.id);
  const weigh = sortings[by];
  return [...rows].sort((one, other) => weigh(one) - weigh(other) || nameOf(one).localeCompare(nameOf(other), 'en', { numeric: true }));
}
