import type { Surface } from './terminal.ts';

/** A whole terminal, redrawn without flicker. Uses the alternate screen, so that leaving restores the earlier content. */
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

  /** Switches to the alternate screen, without cursor and line wrapping. */
  enter(): void {
    this.#surface.write('\u001b[?1049h\u001b[?25l\u001b[?7l');
  }

  leave(): void {
    this.#surface.write('\u001b[?7h\u001b[?25h\u001b[?1049l');
  }

  /**
   * Overwrites the screen in a single write, without clearing it first: it is never blank in between. Terminals that support synchronized
   * output (mode 2026) show the change at once.
   */
  draw(lines: readonly string[]): void {
    const text = lines
      .slice(0, this.rows)
      .map((line) => `${line}\u001b[K`)
      .join('\r\n');
    this.#surface.write(`\u001b[?2026h\u001b[H${text}\u001b[J\u001b[?2026l`);
  }
}
