import { perSecond, time } from '../terminal/figures.ts';
import type { Cell, Column } from '../terminal/table.ts';
import type { TopEnvironment, TopRows, TopSample, TopServer } from './top-rows.ts';

/** The columns of {@link topTable}. */
export const topColumns: readonly Column[] = [
  { heading: 'NAME' },
  { heading: 'REQ/S', rightward: true },
  { heading: 'ERRORS', rightward: true, leaveOut: 6 },
  { heading: 'P50', rightward: true, leaveOut: 2 },
  { heading: 'P99', rightward: true, leaveOut: 5 },
  { heading: 'IN FLIGHT', rightward: true, leaveOut: 4 },
  { heading: 'SHARE', rightward: true, leaveOut: 3 },
  { heading: 'RUNNING', leaveOut: 1 },
  { heading: 'STATUS', least: 12, leaveOut: 7 },
];

/** A row for each environment, followed by its servers; available servers come last. */
export function topTable({ environments, available }: TopRows): Cell[][] {
  return [
    ...environments.flatMap((environment) => [environmentRow(environment), ...environment.servers.map(serverRow)]),
    ...(available.length === 0 ? [] : [[{ text: 'available', tone: 'strong' } as const]]),
    ...available.map((server): Cell[] => [`  ${server.id}`, '', '', '', '', '', '', '', server.status.word]),
  ];
}

function environmentRow(environment: TopEnvironment): Cell[] {
  const { name, wanted, servers } = environment;
  const up = servers.filter(({ status }) => status.word.tone === 'good').length;
  const summary = servers.length === 0 ? 'no servers' : `${up} of ${servers.length} up`;
  return [
    { text: name, tone: 'strong' },
    ...sampleCells(environment),
    '',
    `v${wanted}`,
    { text: summary, tone: up === 0 ? 'bad' : up < servers.length ? 'warn' : 'good' },
  ];
}

function serverRow(server: TopServer): Cell[] {
  const { id, share, version, status } = server;
  const { word, reason } = status;
  return [
    `  ${id}`,
    ...sampleCells(server),
    share === null ? '-' : percent(share),
    version === null ? '-' : `v${version}`,
    reason === undefined ? word : { text: `${word.text}: ${reason}`, tone: word.tone },
  ];
}

function sampleCells({ requests, errors, targetErrors, p50, p99, active }: TopSample): Cell[] {
  const part = targetErrors > 0 ? `, ${percent(targetErrors)} targets` : '';
  const errorShare: Cell = errors > 0 ? { text: `${percent(errors)}${part}`, tone: 'bad' } : requests === 0 ? '-' : percent(0);
  return [perSecond(requests), errorShare, time(p50), time(p99), String(active)];
}

function percent(share: number): string {
  // A small share must not be rounded to zero.
  if (share > 0 && share < 0.001) return '<0.1%';
  return `${(share * 100).toFixed(share < 0.1 && share > 0 ? 1 : 0)}%`;
}
