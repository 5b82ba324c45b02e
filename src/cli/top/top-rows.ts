import type { ServerAnswer } from '../../api/answers.ts';
import type { Series } from '../../api/series.ts';
import { type ServerStatus, serverStatus } from '../commands/server-status.ts';
import type { TopState } from './top-state.ts';

/** The traffic of an environment or a server, over the last few seconds. */
export interface TopSample {
  /** Requests per second. */
  readonly requests: number;
  /** Share of the requests that failed, 0 to 1. */
  readonly errors: number;
  /** Share of the requests that failed because of a target or project, 0 to 1; a part of `errors`. */
  readonly targetErrors: number;
  /** Milliseconds to the head of the response; null if there were no responses. */
  readonly p50: number | null;
  readonly p99: number | null;
  /** Requests in flight. */
  readonly active: number;
}

export interface TopServer extends TopSample {
  readonly id: string;
  /** Share of its environment's requests, 0 to 1; null if there were none. */
  readonly share: number | null;
  readonly version: number | null;
  readonly status: ServerStatus;
}

export interface TopEnvironment extends TopSample {
  readonly name: string;
  readonly wanted: number;
  readonly servers: readonly TopServer[];
}

export interface TopRows {
  readonly environments: readonly TopEnvironment[];
  /** Servers in no environment. */
  readonly available: readonly TopServer[];
}

/** Sort keys of rows, smallest first: figures are negated, so that the largest comes first. */
export const sortings = {
  name: () => 0,
  requests: ({ requests }: TopSample) => -requests,
  errors: ({ errors, requests }: TopSample) => -errors * requests,
  latency: ({ p99 }: TopSample) => -(p99 ?? 0),
  active: ({ active }: TopSample) => -active,
} as const;
export type Sorting = keyof typeof sortings;

/** The rows as plain data, for `--json`. */
export function plainRows({ environments, available }: TopRows) {
  const plain = ({ status, ...server }: TopServer) => ({ ...server, status: status.word.text, reason: status.reason });
  return {
    environments: environments.map((environment) => ({ ...environment, servers: environment.servers.map(plain) })),
    available: available.map(plain),
  };
}

/** @param only the name of an environment: leaves out the others, and available servers */
export function topRows(state: TopState, sorting: Sorting, only: string | undefined): TopRows {
  const environments = state.environments
    .filter(({ name }) => only === undefined || name === only)
    .map(({ name, status }) => {
      const all = state.ofEnvironment(name);
      const servers = [...state.servers.values()]
        .filter((server) => server.environment === name)
        .map((server) => serverOf(state, server, serverStatus(server, status.snapshot), all?.rate ?? 0));
      return { name, wanted: status.snapshot.version, ...topSample(all), servers: sorted(servers, sorting) };
    });
  const available = [...state.servers.values()]
    .filter(({ environment }) => only === undefined && environment === null)
    .map((server) => serverOf(state, server, serverStatus(server, undefined), 0));
  return { environments: sorted(environments, sorting), available: sorted(available, 'name') };
}

/** @param environmentRate requests per second of the server's environment */
function serverOf(state: TopState, server: ServerAnswer, status: ServerStatus, environmentRate: number): TopServer {
  const sample = topSample(state.ofServer(server));
  return {
    id: server.id,
    ...sample,
    share: environmentRate === 0 ? null : Math.min(1, sample.requests / environmentRate),
    version: server.running?.version ?? null,
    status,
  };
}

function topSample(series: Series | undefined): TopSample {
  const last = series?.last;
  return {
    requests: series?.rate ?? 0,
    errors: series?.errorShare ?? 0,
    targetErrors: series?.targetErrorShare ?? 0,
    p50: last?.p50 ?? null,
    p99: last?.p99 ?? null,
    active: last?.active ?? 0,
  };
}

function sorted<Row extends TopSample & ({ readonly name: string } | { readonly id: string })>(rows: readonly Row[], by: Sorting): Row[] {
  const nameOf = (row: Row) => ('name' in row ? row.name : row.id);
  const keyOf = sortings[by];
  return [...rows].sort((one, other) => keyOf(one) - keyOf(other) || nameOf(one).localeCompare(nameOf(other), 'en', { numeric: true }));
}
