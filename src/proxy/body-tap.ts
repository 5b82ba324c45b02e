import { HeldBody } from './held-body.ts';

/** A copy of a request body, made beside its way to the upstream, up to a bound. */
export class BodyTap {
  readonly #most: number;
  readonly #held = new HeldBody();
  #done: ((body: Buffer | undefined) => void) | undefined;

  /** @param done called once: with the whole body, or with undefined if it was larger or broken off */
  constructor(most: number, done: (body: Buffer | undefined) => void) {
    this.#most = most;
    this.#done = done;
  }

  data(buffer: Buffer, start: number, end: number): void {
    if (this.#held.octets + end - start > this.#most) this.close();
    else if (this.#done !== undefined) this.#held.add(buffer, start, end);
  }

  end(): void {
    this.#settle(this.#held.whole());
  }

  /** The body will not be complete. */
  close(): void {
    this.#settle(undefined);
  }

  #settle(body: Buffer | undefined): void {
    const done = this.#done;
    this.#done = undefined;
    done?.(body);
  }
}

/** Begins a tap with what has arrived of the body; undefined: that was all of it. */
export function tapped(
  { most, done }: { readonly most: number; readonly done: (body: Buffer | undefined) => void },
  early: HeldBody | undefined,
  complete: boolean,
): BodyTap | undefined {
  const tap = new BodyTap(most, done);
  early?.each((piece) => tap.data(piece, 0, piece.length));
  if (!complete) return tap;
  tap.end();
  return undefined;
}
