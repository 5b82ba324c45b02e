import { cut, type Line, type Piece, printable, type Toned, widthOf } from './text.ts';

/** What stands over a column, and what may become of it where a terminal is too narrow for all. */
export interface Column {
  readonly heading: string;
  /** Its texts may be cut, to no less than this. Without it they stay whole as long as leaving out columns helps. */
  readonly least?: number;
  /** It may be left out; the one with the lowest number goes first. */
  readonly leaveOut?: number;
  /** Texts stand to the right. Numbers do so by themselves. */
  readonly rightward?: true;
}

export type Cell = string | number | Toned;

/** A table as lines, and the headings of what did not fit. */
export interface Table {
  readonly lines: readonly Line[];
  readonly leftOut: readonly string[];
}

const gap = 2;
/** Where nothing else helps, a column gets no narrower than this. */
const narrowest = 6;

/**
 * Rows under their headings, aligned, no line wider than `columns` (default: as wide as need be). What helps with the least loss
 * is done first: texts that may be are cut, columns that may be are left out, and only then names are cut.
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
  /** Indices of the columns that are there, left to right. */
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

/** Takes from the widest column that may still get narrower, until a line fits. */
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
  /** Of cells without one of their own. */
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
    // Spaces are owed until something follows them: no line ends with any.
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
