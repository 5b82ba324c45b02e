import { type Operator, tableIn } from '../operator.ts';
import { FullScreen } from '../terminal/full-screen.ts';
import type { Surface, Terminal } from '../terminal/terminal.ts';
import { type Line, render } from '../terminal/text.ts';
import { type Sorting, sortings, type TopRows } from './top-rows.ts';
import { topColumns, topTable } from './top-table.ts';

/** The content of one redraw. */
export interface TopView {
  readonly title: Line;
  readonly rows: TopRows;
  readonly sorting: Sorting;
}

/** The output of `top`. */
export interface TopBoard {
  show(view: TopView): void;
  close(): void;
}

/** Sorting by the key that selects it. */
export const sortKeys: Readonly<Record<string, Sorting>> = { n: 'name', r: 'requests', e: 'errors', l: 'latency', f: 'active' };
const keyWords: Record<Sorting, string> = {
  name: 'n name',
  requests: 'r requests',
  errors: 'e errors',
  latency: 'l latency',
  active: 'f in flight',
};

/** Prints one table below the other. */
export function listing({ terminal }: Pick<Operator, 'terminal'>): TopBoard {
  let first = true;
  return {
    show({ title, rows }) {
      const lines = [...(first ? [] : ['']), title, ...tableIn(terminal.columns, topColumns, topTable(rows))];
      first = false;
      for (const line of lines) terminal.out(render(line, terminal.colours.out));
    },
    close: () => undefined,
  };
}

/** A table redrawn in place, as large as the terminal, with a line of help. Handles scrolling, resizing and Ctrl-Z. */
export class ScreenBoard implements TopBoard {
  readonly #terminal: Terminal;
  readonly #screen: FullScreen;
  readonly #release: (() => void)[] = [];
  #view: TopView | undefined;
  /** Number of rows scrolled out of view at the top. */
  #above = 0;
  #suspended = false;

  constructor(terminal: Terminal, surface: Surface, onKey: (key: string) => void) {
    this.#terminal = terminal;
    this.#screen = new FullScreen(surface);
    this.#release.push(surface.onResize(() => this.#draw()));
    this.#listen(onKey);
  }

  show(view: TopView): void {
    this.#view = view;
    this.#draw();
  }

  close(): void {
    for (const release of this.#release.splice(0)) release();
    this.#screen.leave();
  }

  #listen(onKey: (key: string) => void): void {
    const stop = this.#terminal.onKey((key) => {
      if (key === '\u001a') {
        this.#release.splice(this.#release.indexOf(stop), 1);
        stop();
        void this.#suspend(onKey);
      } else if (key === '\u001b[B' || key === 'j') this.#scroll(1);
      else if (key === '\u001b[A' || key === 'k') this.#scroll(-1);
      else onKey(key);
    });
    this.#release.push(stop);
  }

  async #suspend(onKey: (key: string) => void): Promise<void> {
    this.#screen.leave();
    this.#suspended = true;
    await this.#terminal.suspend();
    this.#suspended = false;
    this.#screen.enter();
    this.#listen(onKey);
    this.#draw();
  }

  #scroll(by: number): void {
    this.#above = Math.max(0, this.#above + by);
    this.#draw();
  }

  #draw(): void {
    if (this.#view === undefined || this.#suspended) return;
    const { title, rows, sorting } = this.#view;
    const { columns } = this.#screen;
    const [headings = '', ...body] = tableIn(columns, topColumns, topTable(rows));
    // Title, headings and help do not scroll.
    const room = Math.max(1, this.#screen.rows - 3);
    this.#above = Math.max(0, Math.min(this.#above, body.length - room));
    const below = body.length - this.#above - room;
    const shown = body.slice(this.#above, this.#above + room);
    if (below > 0)
      shown.splice(-1, 1, { text: `… ${below + 1} more: scroll with the arrow keys, or narrow with -e ENVIRONMENT`, tone: 'faint' });
    const lines = [title, headings, ...shown, ...new Array<Line>(Math.max(0, room - shown.length)).fill(''), help(sorting)];
    this.#screen.draw(lines.map((line) => render(line, this.#terminal.colours.out, columns)));
  }
}

function help(sorting: Sorting): Line {
  const words = (Object.keys(sortings) as Sorting[]).flatMap((by) => [
    '  ',
    { text: keyWords[by], tone: by === sorting ? ('strong' as const) : ('faint' as const) },
  ]);
  return [{ text: 'q quit   sort by', tone: 'faint' }, ...words];
}
