import { styleText } from 'node:util';
import stringWidth from 'string-width';

/** What a piece of text means to whoever reads it; a terminal with colours shows it. */
export type Tone = 'good' | 'warn' | 'bad' | 'faint' | 'strong';

export interface Toned {
  readonly text: string;
  readonly tone: Tone;
}

/** Text on its way to a terminal: what others wrote is made {@link printable} when it is rendered, not before. */
export type Piece = string | Toned;
export type Line = Piece | readonly Piece[];

const styles = { good: 'green', warn: 'yellow', bad: 'red', faint: 'dim', strong: 'bold' } as const;

/** A line as it is written: without control characters of its own, in colours or not, cut to `columns` if given. */
export function render(line: Line, colours: boolean, columns?: number): string {
  let room = columns ?? Number.POSITIVE_INFINITY;
  let text = '';
  for (const piece of isPiece(line) ? [line] : line) {
    const { text: raw, tone } = typeof piece === 'string' ? { text: piece, tone: undefined } : piece;
    const shown = cut(printable(raw), room);
    room -= widthOf(shown);
    // Whether to colour was decided by whoever calls; Node must not decide again.
    text += colours && tone !== undefined && shown !== '' ? styleText(styles[tone], shown, { validateStream: false }) : shown;
    if (room <= 0) break;
  }
  return text;
}

/** Columns that a text takes: wide characters take two, combining marks none. */
export function widthOf(text: string): number {
  return stringWidth(text);
}

const graphemes = new Intl.Segmenter(undefined, { granularity: 'grapheme' });

/** The text if it fits `width` columns, else its beginning and `…`. */
export function cut(text: string, width: number): string {
  if (widthOf(text) <= width) return text;
  let kept = '';
  let room = width - 1;
  for (const { segment } of graphemes.segment(text)) {
    room -= widthOf(segment);
    if (room < 0) break;
    kept += segment;
  }
  return width < 1 ? '' : `${kept}…`;
}

/** Text of others as one printable line: control characters could rewrite what the terminal shows. */
export function printable(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+/gu, ' ');
}

function isPiece(line: Line): line is Piece {
  return !Array.isArray(line);
}
