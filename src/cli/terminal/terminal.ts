/** A terminal window: text written to it can be overwritten by control sequences. */
export interface Surface {
  write(text: string): void;
  readonly columns: number;
  readonly rows: number;
  /** Calls `listener` after every change of the size. Returns a function that ends this. */
  onResize(listener: () => void): () => void;
}

/** The input and output of a command; tests substitute their own. */
export interface Terminal {
  /** Writes a line to standard output. */
  out(line: string): void;
  /** Writes a line to standard error. */
  err(line: string): void;
  /** Maximum width of a line; undefined if standard output is not a terminal: then nothing is cut. */
  readonly columns: number | undefined;
  /** True for standard output and standard error if their text is coloured. */
  readonly colours: { readonly out: boolean; readonly err: boolean };
  /** Turns colours off for the rest of the run. */
  plain(): void;
  /** Standard output and standard error as windows; undefined for files, pipes and terminals without cursor control. */
  readonly surface: { readonly out: Surface | undefined; readonly err: Surface | undefined };
  /** True if keys can be pressed: standard input is a terminal. */
  readonly keyboard: boolean;
  /** Calls `listener` with each key pressed; never calls it if there is no keyboard. Returns a function that ends this. */
  onKey(listener: (key: string) => void): () => void;
  /** Calls `listener` when the command should end. Returns a function that ends this. */
  onStop(listener: (why: Stop) => void): () => void;
  /** Suspends the process as Ctrl-Z does. Resolves when the user has brought it back to the foreground. */
  suspend(): Promise<void>;
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** Reason to end a command: the user interrupts it, or (`unread`) the reader of standard output has closed the pipe, as `head` does. */
export type Stop = 'interrupted' | 'unread';
