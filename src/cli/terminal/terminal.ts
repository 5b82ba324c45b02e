/** A place where a person watches: what was written there can be drawn over. */
export interface Surface {
  write(text: string): void;
  readonly columns: number;
  readonly rows: number;
  /** Calls back whenever its size has changed; answers how to end that. */
  onResize(listener: () => void): () => void;
}

/** Where a command reads its surroundings and writes its words; tests bring their own. */
export interface Terminal {
  /** Writes a line to standard output. */
  out(line: string): void;
  /** Writes a line to standard error. */
  err(line: string): void;
  /** Columns that a line may have; undefined when nobody looks: nothing is cut then. */
  readonly columns: number | undefined;
  /** Whether what is written there may be in colours. */
  readonly colours: { readonly out: boolean; readonly err: boolean };
  /** From now on nothing is in colours. */
  plain(): void;
  /** Standard output and standard error as places to draw; undefined for files, pipes and terminals that cannot be drawn on. */
  readonly surface: { readonly out: Surface | undefined; readonly err: Surface | undefined };
  /** Calls back with each key as it is pressed, while it is listened to; answers how to end that. Without a keyboard nothing comes. */
  onKey(listener: (key: string) => void): () => void;
  /** Calls back when the user wants it to end, or when nobody reads standard output any more; answers how to end that. */
  onStop(listener: (why: Stop) => void): () => void;
  /** Stops the process as Ctrl-Z does; settles when the user has brought it back to the foreground. */
  suspend(): Promise<void>;
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** `unread`: whoever read standard output has gone, as `head` does. */
export type Stop = 'interrupted' | 'unread';
