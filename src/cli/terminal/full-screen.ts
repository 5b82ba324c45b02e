import type { Surface } from './terminal.ts';

/** The whole of a terminal, drawn again and again without flicker; what stood there before comes back at the end. */
export class FullScreen {
  readonly #surface: Surface;

  constructor(surface: Surface) {
    this.#surface = surface;
    this.enter();
  }

  get columns(): number {
    return this.#surface.columns;
  }

  get rows(): number {
    return this.#surface.rows;
  }

  /** The alternate screen, without cursor and without wrapping. */
  enter(): void {
    this.#surface.write('\u001b[?1049h\u001b[?25l\u001b[?7l');
  }

  leave(): void {
    this.#surface.write('\u001b[?7h\u001b[?25h\u001b[?1049l');
  }

  /** In one piece, and over what is there: nothing is ever blank in between. Terminals that know mode 2026 show it in one go. */
  draw(lines: readonly string[]): void {
    const text = lines
      .slice(0, this.rows)
      .map((line) => `${line}\u001b[K`)
      .join('\r\n');
    this.#surface.write(`\u001b[?2026h\u001b[H${text}\u001b[J\u001b[?2026l`);
  }
}
