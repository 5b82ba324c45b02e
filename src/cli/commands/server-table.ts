import type { ServerAnswer } from '../../api/answers.ts';
import { placeOf } from '../../api/server-place.ts';
import type { Cell, Column } from '../terminal/table.ts';
import type { Toned } from '../terminal/text.ts';

/** Columns that every table of servers has. */
export const serverColumns: readonly Column[] = [
  { heading: 'SERVER' },
  { heading: 'ENVIRONMENT', leaveOut: 5 },
  { heading: 'STATE', leaveOut: 6 },
  { heading: 'HEALTH' },
  { heading: 'RUNNING', leaveOut: 4 },
  { heading: 'ADDRESS', leaveOut: 1 },
  { heading: 'WEIGHT', leaveOut: 2 },
  { heading: 'ACTIVE', leaveOut: 3 },
  { heading: 'REQUESTS', leaveOut: 3 },
];

const errorColumns: readonly Column[] = [
  { heading: 'SERVER ERRORS', leaveOut: 3 },
  { heading: 'TARGET ERRORS', leaveOut: 3 },
];

const stateTones = { available: 'faint', joining: 'warn', ready: undefined, draining: 'warn', lost: 'bad' } as const;
const healthTones = { up: 'good', down: 'bad', ejected: 'warn', unknown: undefined } as const;

/** The columns and rows of a table of servers. Errors have columns once there are any. */
export function serverTable(servers: readonly ServerAnswer[]): [columns: readonly Column[], rows: Cell[][]] {
  const errors = servers.some(({ serverErrors, targetErrors }) => serverErrors + targetErrors > 0);
  return [
    errors ? [...serverColumns, ...errorColumns] : serverColumns,
    servers.map((server) => [...serverRow(server), ...(errors ? [server.serverErrors, server.targetErrors] : [])]),
  ];
}

/** The cells of a server under {@link serverColumns}. */
export function serverRow(server: ServerAnswer): Cell[] {
  const { id, environment, movingTo, state, health, running, proxyProtocol, hop, weight, active, requests } = server;
  const membership = `${environment ?? '-'}${movingTo === undefined ? '' : ` → ${movingTo ?? 'available'}`}`;
  const version = running ? `v${running.version}` : '-';
  const place = `${placeOf(server)}${hop?.tls === true ? ' TLS' : ''}${proxyProtocol === undefined ? '' : ` PROXY ${proxyProtocol}`}`;
  return [id, membership, toned(state, stateTones[state]), toned(health, healthTones[health]), version, place, weight, active, requests];
}

function toned(text: string, tone: Toned['tone'] | undefined): Cell {
  return tone === undefined ? text : { text, tone };
}
