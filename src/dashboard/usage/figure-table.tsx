import { useSignal } from '@preact/signals';
import type { ComponentChildren } from 'preact';

/** One column of figures. */
export interface FigureColumn<Row> {
  readonly label: string;
  /** By which rows are sorted, the greatest first; text is sorted from A to Z. */
  readonly by: (row: Row) => number | string;
  readonly show: (row: Row) => ComponentChildren;
  /** Left out on narrow screens. */
  readonly wide?: boolean;
  /** A text, which may be long. */
  readonly text?: boolean;
}

interface FigureTableProps<Row> {
  /** Name for screen readers. */
  readonly label: string;
  readonly columns: readonly FigureColumn<Row>[];
  readonly rows: readonly Row[];
  readonly keyOf: (row: Row) => string;
  /** Label of the column by which rows are sorted initially. */
  readonly sorted: string;
  /** Names a row in the singular. */
  readonly noun: string;
}

/** Number of rows shown initially, and added at a time. */
const firstShown = 20;
const step = 100;

/** A table of figures that its headings sort. The first column names the row; on narrow screens its figures stand below. */
export function FigureTable<Row>({ label, columns, rows, keyOf, sorted, noun }: FigureTableProps<Row>) {
  const chosen = useSignal({ label: sorted, reversed: false });
  const shown = useSignal(firstShown);
  const column = columns.find((one) => one.label === chosen.value.label) ?? columns[0];
  const ordered = column === undefined ? [...rows] : [...rows].sort((one, other) => compare(column.by(one), column.by(other)));
  if (chosen.value.reversed) ordered.reverse();
  const hidden = ordered.length - shown.value;
  return (
    <>
      <table class="figure-table" aria-label={label}>
        <thead>
          <tr>
            {columns.map(({ label: heading, wide, text }) => {
              const isSorted = heading === column?.label;
              return (
                <th
                  key={heading}
                  scope="col"
                  class={lookOf(wide, text)}
                  aria-sort={isSorted ? directionOf(column.by, rows, chosen.value.reversed) : undefined}
                >
                  <button
                    type="button"
                    class="sort"
                    onClick={() => {
                      chosen.value = { label: heading, reversed: isSorted && !chosen.value.reversed };
                    }}
                  >
                    {heading}
                  </button>
                </th>
              );
            })}
          </tr>
        </thead>
        <tbody>
          {ordered.slice(0, shown.value).map((row) => (
            <tr key={keyOf(row)}>
              {columns.map(({ label: heading, show, wide, text }, index) =>
                index === 0 ? (
                  <th key={heading} scope="row">
                    {show(row)}
                  </th>
                ) : (
                  <td key={heading} class={lookOf(wide, text)}>
                    {show(row)}
                  </td>
                ),
              )}
            </tr>
          ))}
        </tbody>
      </table>
      {hidden > 0 && (
        <button
          type="button"
          class="button quiet more-rows"
          onClick={() => {
            shown.value += step;
          }}
        >
          Show {Math.min(step, hidden)} more of {ordered.length} {noun}s
        </button>
      )}
    </>
  );
}

function compare(one: number | string, other: number | string): number {
  if (typeof one === 'number' && typeof other === 'number') return other - one;
  return String(one).localeCompare(String(other));
}

function directionOf<Row>(by: (row: Row) => number | string, [first]: readonly Row[], reversed: boolean): 'ascending' | 'descending' {
  const isNumber = first !== undefined && typeof by(first) === 'number';
  return isNumber === reversed ? 'ascending' : 'descending';
}

function lookOf(wide = false, text = false): string | undefined {
  return wide ? 'wide-only' : text ? 'figure-text' : undefined;
}
