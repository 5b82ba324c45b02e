import type { Surface, Terminal } from './terminal.ts';
import { type Line, render } from './text.ts';

/** The state of one item of a change that the user waits for, such as one server of a deployment. */
export interface Step {
  /** Identifies the item from one state to the next. */
  readonly name: string;
  readonly line: Line;
  /** The item is complete: on a small terminal it gives way to unfinished ones. */
  readonly done?: boolean;
}

/** Shows the state of steps on standard error: standard output is for the answer alone. */
export interface StepDisplay {
  show(steps: readonly Step[]): void;
}

/** Shows nothing. */
export const noDisplay: StepDisplay = { show: () => undefined };

/** On a terminal: one line per step, redrawn at each change. Elsewhere: a new line for each change. */
export function stepDisplay(terminal: Terminal): StepDisplay {
  const surface = terminal.surface.err;
  return surface ? new RedrawnSteps(surface, terminal) : new LoggedSteps(terminal);
}

class LoggedSteps implements StepDisplay {
  readonly #terminal: Terminal;
  /** The last line written, by name of the step. */
  readonly #written = new Map<string, string>();

  constructor(terminal: Terminal) {
    this.#terminal = terminal;
  }

  show(steps: readonly Step[]): void {
    for (const { name, line } of steps) {
      const text = render(line, this.#terminal.colours.err);
      if (this.#written.get(name) !== text) this.#terminal.err(text);
      this.#written.set(name, text);
    }
  }
}

class RedrawnSteps implements StepDisplay {
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

/** The lines of as many steps as there are `rows`, in their order. Unfinished steps take precedence: they are what the user waits for. */
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
