/** Where a command reads its surroundings and writes its words; tests bring their own. */
export interface Terminal {
  /** Writes a line to standard output. */
  out(line: string): void;
  /** Writes a line to standard error. */
  err(line: string): void;
  /** Characters a line may have; undefined when nobody looks: nothing is cut then. */
  readonly columns: number | undefined;
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** The process' own. */
export const processTerminal: Terminal = {
  out: (line) => void process.stdout.write(`${line}\n`),
  err: (line) => void process.stderr.write(`${line}\n`),
  get columns() {
    return process.stdout.isTTY ? process.stdout.columns : undefined;
  },
  env: process.env,
};

/** Text of others as one printable line: control characters could rewrite what the terminal shows. */
export function printable(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+/gu, ' ');
}
