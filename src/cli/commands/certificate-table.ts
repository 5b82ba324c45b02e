import type { EnvironmentAnswer } from '../../api/answers.ts';
import { minuteOf } from '../../api/minute-of.ts';
import type { Cell, Column } from '../terminal/table.ts';

const columns: readonly Column[] = [
  { heading: 'CERTIFICATE' },
  { heading: 'ENVIRONMENT', leaveOut: 1 },
  { heading: 'STATE' },
  { heading: 'VALID UNTIL' },
  { heading: 'NEXT ORDER' },
];

/** The columns and rows of a table of the certificates that authorities issue; undefined: there are none. */
export function certificateTable(environments: readonly EnvironmentAnswer[]): [columns: readonly Column[], rows: Cell[][]] | undefined {
  const rows = environments.flatMap(({ name, status }) =>
    (status.certificates ?? []).flatMap(({ certificate, until, acme }): Cell[][] => {
      if (acme === undefined) return [];
      const { renewal, failure } = acme;
      const due = failure?.next ?? renewal;
      const state: Cell =
        failure !== undefined
          ? { text: 'failing', tone: 'bad' }
          : until === null
            ? { text: 'being issued', tone: 'warn' }
            : { text: 'issued', tone: 'good' };
      return [[certificate, name, state, until === null ? '-' : minuteOf(until), due === null ? '-' : minuteOf(due)]];
    }),
  );
  return rows.length === 0 ? undefined : [columns, rows];
}
