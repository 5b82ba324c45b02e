import type { ConsumerUsage } from '../../api/usage-answers.ts';
import { moment } from '../state/format.ts';
import { PlaceLink } from '../widgets/place-link.tsx';
import { figureColumns } from './figure-columns.tsx';
import { type FigureColumn, FigureTable } from './figure-table.tsx';

const consumer: FigureColumn<ConsumerUsage> = {
  label: 'Consumer',
  by: (row) => row.consumer,
  show: ({ consumer: name }) =>
    name === '' ? <span class="muted">others</span> : <PlaceLink place={{ view: 'consumers', name }}>{name}</PlaceLink>,
};
const project: FigureColumn<ConsumerUsage> = {
  label: 'Project',
  by: (row) => row.project,
  show: ({ project: name }) => <PlaceLink place={{ view: 'project', name }}>{name}</PlaceLink>,
  text: true,
};
const lastSeen: FigureColumn<ConsumerUsage> = {
  label: 'Last seen',
  by: (row) => row.lastSeen ?? 0,
  show: (row) => (row.lastSeen === null ? '–' : moment(row.lastSeen)),
  wide: true,
};

interface CallerTableProps {
  readonly label: string;
  readonly rows: readonly ConsumerUsage[];
  /** Leaves out the column that is the same in all rows. */
  readonly without?: 'consumer' | 'project';
}

/** Calls of consumers to projects: how many, and how often a policy refused them. */
export function CallerTable({ label, rows, without }: CallerTableProps) {
  const named = without === 'consumer' ? [project] : without === 'project' ? [consumer] : [consumer, project];
  return (
    <FigureTable
      label={label}
      columns={[...named, ...figureColumns, lastSeen]}
      rows={rows}
      keyOf={(row) => `${row.consumer} ${row.project}`}
      sorted="Requests"
      noun="caller"
    />
  );
}
