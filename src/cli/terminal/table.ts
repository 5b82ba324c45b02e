import { cut, type Line, type Piece, printable, type Toned, widthOf } from './text.ts';

/** A column's heading, and how the column may shrink on a terminal that is too narrow. */
export interface Column {
  readonly heading: string;
  /** Minimum width to which its texts may be cut. Without it they are cut only when leaving out columns is not enough. */
  readonly least?: number;
  /** Rank among the columns that may be left out: the lowest goes first. Absent: the column always stays. */
  readonly leaveOut?: number;
  /** Aligns to the right. A column of numbers does so without it. */
  readonly rightward?: true;
}

export type Cell = string | number | Toned;

/** A table as lines, and the headings of the columns left out. */
export interface Table {
  readonly lines: readonly Line[];
  readonly leftOut: readonly string[];
}

const gap = 2;
/** Minimum width of a column without {@link Column.least} once nothing else helps. */
const narrowest = 6;

/**
 * Rows under their headings, aligned, no line wider than `width` (default: unlimited). On a narrow terminal it first cuts the texts of
 * columns with `least`, then leaves out columns with `leaveOut`, and cuts the other texts last.
 */
export function formatTable(columns: readonly Column[], rows: readonly (readonly Cell[])[], width = Number.POSITIVE_INFINITY): Table {
  const wholes = columns.map(({ heading }, index) => Math.max(widthOf(heading), ...rows.map((row) => widthOf(textOf(row[index] ?? '')))));
  const { shown, widths } = fit(columns, wholes, width);
  const numbers = columns.map(
    ({ rightward }, index) => rightward ?? (rows.length > 0 && rows.every((row) => typeof row[index] === 'number')),
  );
  const line = (cells: readonly Cell[], tone?: Toned['tone']) => align(cells, { shown, widths, numbers, tone });
  return {
    lines: [
      line(
        columns.map(({ heading }) => heading),
        'faint',
      ),
      ...rows.map((row) => line(row)),
    ],
    leftOut: columns.filter((_, index) => !shown.includes(index)).map(({ heading }) => heading),
  };
}

interface Layout {
  /** Indices of the visible columns, left to right. */
  readonly shown: readonly number[];
  /** By index of the column. */
  readonly widths: readonly number[];
}

function fit(columns: readonly Column[], wholes: readonly number[], width: number): Layout {
  let shown = columns.map((_, index) => index);
  for (;;) {
    const widths = squeeze(shown, wholes, width, (index) => columns[index]?.least ?? wholes[index] ?? 0);
    const next = shown
      .filter((index) => columns[index]?.leaveOut !== undefined)
      .sort((one, other) => (columns[one]?.leaveOut ?? 0) - (columns[other]?.leaveOut ?? 0))[0];
    if (total(shown, widths) <= width) return { shown, widths };
    if (next === undefined) return { shown, widths: squeeze(shown, widths, width, () => narrowest) };
    shown = shown.filter((index) => index !== next);
  }
}

/** Narrows the widest column that is above its minimum, one character at a time, until a line fits. */
function squeeze(shown: readonly number[], from: readonly number[], width: number, least: (index: number) => number): number[] {
  const widths = [...from];
  for (let over = total(shown, widths) - width; over > 0; over--) {
    const yielding = shown.filter((index) => (widths[index] ?? 0) > least(index));
    if (yielding.length === 0) break;
    const widest = yielding.reduce((one, other) => ((widths[other] ?? 0) > (widths[one] ?? 0) ? other : one));
    widths[widest] = (widths[widest] ?? 0) - 1;
  }
  return widths;
}

function total(shown: readonly number[], widths: readonly number[]): number {
  return shown.reduce((sum, index) => sum + (widths[index] ?? 0), gap * (shown.length - 1));
}

interface Alignment extends Layout {
  readonly numbers: readonly boolean[];
  /** Default for cells without a tone. */
  readonly tone: Toned['tone'] | undefined;
}

function align(cells: readonly Cell[], { shown, widths, numbers, tone }: Alignment): Line {
  const pieces: Piece[] = [];
  let owed = 0;
  for (const index of shown) {
    const cell = cells[index] ?? '';
    const width = widths[index] ?? 0;
    const text = cut(textOf(cell), width);
    const room = width - widthOf(text);
    const before = owed + (numbers[index] ? room : 0);
    owed = gap + (numbers[index] ? 0 : room);
    // Spaces are held back until text follows, so that no line ends with spaces.
    if (text === '') {
      owed += before;
      continue;
    }
    if (before > 0) pieces.push(' '.repeat(before));
    const own = typeof cell === 'object' ? cell.tone : tone;
    pieces.push(own === undefined ? text : { text, tone: own });
  }
  return pieces;
}

function textOf(cell: Cell): string {
  return printable(typeof cell === 'object' ? cell.text : String(cell));
}
