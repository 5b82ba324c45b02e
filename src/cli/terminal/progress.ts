import type { Surface, Terminal } from './terminal.ts';
import { type Line, render } from './text.ts';

/** One of the things that are waited for, by what it is called, and how it stands. */
export interface Step {
  readonly name: string;
  readonly line: Line;
  /** Nothing more is expected of it: it makes room for others where there is little. */
  readonly done?: boolean;
}

/** Shows how steps stand, on standard error, so that standard output stays the answer's. */
export interface Progress {
  show(steps: readonly Step[]): void;
}

/** Says nothing. */
export const silent: Progress = { show: () => undefined };

/** On a terminal one line a step, drawn anew at each change; elsewhere a line for each change. */
export function progressOn(terminal: Terminal): Progress {
  const surface = terminal.surface.err;
  return surface ? new Redrawn(surface, terminal) : new Told(terminal);
}

class Told implements Progress {
  readonly #terminal: Terminal;
  readonly #told = new Map<string, string>();

  constructor(terminal: Terminal) {
    this.#terminal = terminal;
  }

  show(steps: readonly Step[]): void {
    for (const { name, line } of steps) {
      const text = render(line, this.#terminal.colours.err);
      if (this.#told.get(name) !== text) this.#terminal.err(text);
      this.#told.set(name, text);
    }
  }
}

class Redrawn implements Progress {
  readonly #surface: Surface;
  readonly #terminal: Terminal;
  #drawn: readonly string[] = [];

  constructor(surface: Surface, terminal: Terminal) {
    this.#surface = surface;
    this.#terminal = terminal;
  }

  show(steps: readonly Step[]): void {
    const { columns, rows } = this.#surface;
    const lines = fitting(steps, rows - 1).map((line) => render(line, this.#terminal.colours.err, columns - 1));
    if (lines.join('\n') === this.#drawn.join('\n')) return;
    const up = this.#drawn.length === 0 ? '' : `\u001b[${this.#drawn.length}A`;
    this.#surface.write(`${up}\r${lines.map((line) => `${line}\u001b[K\n`).join('')}\u001b[J`);
    this.#drawn = lines;
  }
}

/** What is not done yet comes first where not everything has room: it is what one waits for. */
function fitting(steps: readonly Step[], rows: number): Line[] {
  if (steps.length <= rows) return steps.map(({ line }) => line);
  const chosen = new Set([...steps].sort((one, other) => Number(one.done ?? false) - Number(other.done ?? false)).slice(0, rows - 1));
  const rest = steps.filter((step) => !chosen.has(step));
  const done = rest.filter((step) => step.done).length;
  return [
    ...steps.filter((step) => chosen.has(step)).map(({ line }) => line),
    { text: `… and ${rest.length} more, ${done} of them done`, tone: 'faint' },
  ];
}
