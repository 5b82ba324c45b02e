import { inspect } from 'node:util';

/** Default limit of a wait, in milliseconds. Half of what tap gives a test file, so that a wait reports itself before tap ends the file. */
export const defaultLimitMs = 60_000;

/** Describes a wait, for the error that ends it. */
export interface Wait {
  /** Completes "waited 60 s for …". */
  readonly what: string;
  /** Returns the state that the wait looks at, as it is now. */
  readonly seen: () => unknown;
  /** Default {@link defaultLimitMs}. */
  readonly limitMs?: number | undefined;
}

/** Settles as `work` does. Rejects if that takes longer than the limit, and says what was waited for and what was seen last. */
export async function within<Result>(work: Promise<Result>, { what, seen, limitMs = defaultLimitMs }: Wait): Promise<Result> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`waited ${limitMs / 1000} s for ${what}; last seen: ${described(seen())}`)), limitMs);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}

function described(value: unknown): string {
  const text =
    typeof value === 'string' ? value : inspect(value, { depth: 6, breakLength: 140, maxArrayLength: 50, maxStringLength: 2000 });
  return text.length > 4000 ? `…${text.slice(-4000)}` : text;
}
