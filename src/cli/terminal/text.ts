import { styleText } from 'node:util';
import stringWidth from 'string-width';

/** The meaning of a piece of text, which a terminal shows as a colour or style. */
export type TextTone = 'good' | 'warn' | 'bad' | 'faint' | 'strong';

export interface Toned {
  readonly text: string;
  readonly tone: TextTone;
}

/** Text for a terminal. It may contain control characters: {@link render} removes them. */
export type Piece = string | Toned;
export type Line = Piece | readonly Piece[];

const styles = { good: 'green', warn: 'yellow', bad: 'red', faint: 'dim', strong: 'bold' } as const;

/** A line ready to be written: {@link printable}, in colours if `colours`, cut to `columns` if given. */
export function render(line: Line, colours: boolean, columns?: number): string {
  let room = columns ?? Number.POSITIVE_INFINITY;
  let text = '';
  for (const piece of isPiece(line) ? [line] : line) {
    const { text: raw, tone } = typeof piece === 'string' ? { text: piece, tone: undefined } : piece;
    const shown = cut(printable(raw), room);
    room -= widthOf(shown);
    // `validateStream: false`, because the caller has decided on colours: Node would decide by its own standard output.
    text += colours && tone !== undefined && shown !== '' ? styleText(styles[tone], shown, { validateStream: false }) : shown;
    if (room <= 0) break;
  }
  return text;
}

/** Width of a text in terminal columns: wide characters take two, combining marks none. */
export function widthOf(text: string): number {
  return stringWidth(text);
}

const graphemes = new Intl.Segmenter(undefined, { granularity: 'grapheme' });

/** The text if it fits into `width` columns, else its beginning and `…`. */
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

/** Foreign text as one printable line: control characters in it could rewrite what the terminal shows. */
export function printable(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+/gu, ' ');
}

function isPiece(line: Line): line is Piece {
  return !Array.isArray(line);
}
