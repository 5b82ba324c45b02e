import { controlTurns } from './turns.ts';

/** Work in pieces: it may be interrupted at each `yield`. */
export type Pieces<Result> = Generator<void, Result, void>;

/** Milliseconds of work in one turn: a request may wait for two of them, and an answer of its server for two more. */
export const turnMs = 0.5;

/** Does all pieces at once. */
export function atOnce<Result>(pieces: Pieces<Result>): Result {
  for (;;) {
    const { done, value } = pieces.next();
    if (done) return value;
  }
}

/** Does the pieces in turns of the event loop, in each turn for about {@link turnMs}, and at least one piece. Traffic of the same process comes in between. */
export async function inTurns<Result>(
  pieces: Pieces<Result>,
  now: () => number = () => performance.now(),
  urgent = false,
): Promise<Result> {
  await controlTurns.next(urgent);
  for (;;) {
    const end = now() + turnMs;
    do {
      const { done, value } = pieces.next();
      if (done) return value;
    } while (now() < end);
    await controlTurns.again(urgent);
  }
}

/** Pieces that {@link startNow} does at once. */
const manyAtOnce = 100;
/** Elements of a list that are taken without waiting for a turn: a short list is not worth one. */
const few = 20;

/** Does the first few pieces at once, and the rest in turns, before all other work that waits for a turn; returns undefined if there is no rest. */
export function startNow(pieces: Pieces<void>): Promise<void> | undefined {
  for (let piece = 0; piece < manyAtOnce; piece++) if (pieces.next().done) return undefined;
  return inTurns(pieces, undefined, true);
}

/** Takes each element of an iterable of any length: the first few at once, the others in turns of about {@link turnMs} each. */
export async function eachInTurns<One>(
  list: Iterable<One>,
  take: (one: One) => void,
  now: () => number = () => performance.now(),
): Promise<void> {
  let taken = 0;
  let end = 0;
  for (const one of list) {
    if (taken++ >= few && now() >= end) {
      await (end === 0 ? controlTurns.next() : controlTurns.again());
      end = now() + turnMs;
    }
    take(one);
  }
}

/** Maps an iterable of any length in turns, like {@link eachInTurns}. */
export async function mapInTurns<One, Other>(list: Iterable<One>, map: (one: One) => Other): Promise<Other[]> {
  const mapped: Other[] = [];
  await eachInTurns(list, (one) => void mapped.push(map(one)));
  return mapped;
}

/** Passes on what an iterable has or makes, in turns of about {@link turnMs} each. */
export async function* spreadOverTurns<One>(
  made: Iterable<One> | AsyncIterable<One>,
  now: () => number = () => performance.now(),
): AsyncGenerator<One> {
  let end = now() + turnMs;
  for await (const one of made) {
    yield one;
    if (now() < end) continue;
    await controlTurns.again();
    end = now() + turnMs;
  }
}
