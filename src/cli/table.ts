import { printable } from './terminal.ts';

const gap = '  ';
/** A column is never narrower than this. */
const narrowest = 6;

/** Rows under their headings, aligned; numbers to the right. The widest columns are cut until a line fits `columns`. */
export function formatTable(headings: readonly string[], rows: readonly (readonly (string | number)[])[], columns?: number): string[] {
  const texts = [headings, ...rows].map((row) => row.map((cell) => printable(String(cell))));
  const widths = fit(
    headings.map((_, index) => Math.max(...texts.map((row) => row[index]?.length ?? 0))),
    columns,
  );
  const rightward = headings.map((_, index) => rows.length > 0 && rows.every((row) => typeof row[index] === 'number'));
  return texts.map((row) =>
    row
      .map((text, index) => {
        const width = widths[index] ?? 0;
        const cut = text.length > width ? `${text.slice(0, width - 1)}…` : text;
        return rightward[index] ? cut.padStart(width) : cut.padEnd(width);
      })
      .join(gap)
      .trimEnd(),
  );
}

function fit(widths: number[], columns: number | undefined): number[] {
  const fitted = [...widths];
  const total = () => fitted.reduce((sum, width) => sum + width, gap.length * (fitted.length - 1));
  while (columns !== undefined && total() > columns) {
    const widest = fitted.indexOf(Math.max(...fitted));
    if ((fitted[widest] as number) <= narrowest) break;
    fitted[widest] = (fitted[widest] as number) - 1;
  }
  return fitted;
}
