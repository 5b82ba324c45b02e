import type { Stop, Surface, Terminal } from '../../src/cli/terminal/terminal.ts';
import { Condition } from '../tools/condition.ts';

/** A terminal operated by a test: keeps the output, and offers methods for keys, signals and resizing. */
export class TerminalUnderTest implements Terminal {
  readonly lines = { out: [] as string[], err: [] as string[] };
  /** Everything drawn on either surface. */
  drawn = '';
  readonly columns: number | undefined;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly surface: Terminal['surface'];
  colours: { out: boolean; err: boolean };
  readonly #keys = new Set<(key: string) => void>();
  readonly #stops = new Set<(why: Stop) => void>();
  readonly #resizes = new Set<() => void>();
  readonly #written = new Condition();
  suspensions = 0;
  keyboard = true;

  /** @param given with `rows`, the terminal has surfaces to draw on */
  constructor(
    given: { columns?: number | undefined; rows?: number; colours?: boolean; env?: Readonly<Record<string, string | undefined>> } = {},
  ) {
    this.columns = given.columns;
    this.env = given.env ?? {};
    this.colours = { out: given.colours ?? false, err: given.colours ?? false };
    const surface: Surface | undefined = given.rows === undefined ? undefined : this.#surface(given.columns ?? 80, given.rows);
    this.surface = { out: surface, err: surface };
  }

  out(line: string): void {
    this.lines.out.push(line);
    this.#written.notify();
  }

  err(line: string): void {
    this.lines.err.push(line);
    this.#written.notify();
  }

  plain(): void {
    this.colours = { out: false, err: false };
  }

  onKey(listener: (key: string) => void): () => void {
    this.#keys.add(listener);
    return () => void this.#keys.delete(listener);
  }

  onStop(listener: (why: Stop) => void): () => void {
    this.#stops.add(listener);
    return () => void this.#stops.delete(listener);
  }

  async suspend(): Promise<void> {
    this.suspensions++;
  }

  press(key: string): void {
    for (const listener of [...this.#keys]) listener(key);
  }

  stop(why: Stop): void {
    for (const listener of [...this.#stops]) listener(why);
  }

  resize(): void {
    for (const listener of [...this.#resizes]) listener();
  }

  /** True if no listener for keys, signals or resizing is left. */
  get released(): boolean {
    return this.#keys.size + this.#stops.size + this.#resizes.size === 0;
  }

  /** Resolves when the output satisfies `wanted`, now or later. */
  async until(wanted: (terminal: this) => boolean): Promise<void> {
    const seen = () => ({ ...this.lines, drawn: this.drawn.slice(-2000) });
    await this.#written.until(() => wanted(this), { what: `a terminal that satisfies ${wanted}`, seen });
  }

  #surface(columns: number, rows: number): Surface {
    return {
      write: (text) => {
        this.drawn += text;
        this.#written.notify();
      },
      columns,
      rows,
      onResize: (listener) => {
        this.#resizes.add(listener);
        return () => void this.#resizes.delete(listener);
      },
    };
  }
}
