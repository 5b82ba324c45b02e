import { controlTurns } from './turns.ts';

/** Work in pieces: it may be interrupted at each `yield`. */
export type Pieces<Result> = Generator<void, Result, void>;

/** Milliseconds of work in one turn. */
const turnMs = 1;

/** Does all pieces at once. */
export function atOnce<Result>(pieces: Pieces<Result>): Result {
  for (;;) {
    const { done, value } = pieces.next();
    if (done) return value;
  }
}

/** Does the pieces in turns of the event loop, in each turn for about a millisecond, and at least one piece. Traffic of the same process comes in between. */
export async function inTurns<Result>(pieces: Pieces<Result>, now: () => number = () => performance.now()): Promise<Result> {
  for (;;) {
    await controlTurns.next();
    const end = now() + turnMs;
    do {
      const { done, value } = pieces.next();
      if (done) return value;
    } while (now() < end);
  }
}
