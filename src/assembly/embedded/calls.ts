import { type ErrorCode, SluiceError } from '../../model/fault.ts';
import type { Answer } from './messages.ts';

/** Calls to the other process that have not been answered. */
export class Calls {
  readonly #waiting = new Map<number, { resolve(value: unknown): void; reject(error: Error): void }>();
  #made = 0;

  /** @param send sends the call with its number */
  make<Value>(send: (call: number) => void): Promise<Value> {
    const call = ++this.#made;
    return new Promise<Value>((resolve, reject) => {
      this.#waiting.set(call, { resolve: resolve as (value: unknown) => void, reject });
      send(call);
    });
  }

  answered(answer: Answer): void {
    const waiting = this.#waiting.get(answer.call);
    this.#waiting.delete(answer.call);
    if ('value' in answer) waiting?.resolve(answer.value);
    else if ('error' in answer) waiting?.reject(new SluiceError(answer.error.code ?? 'internal', answer.error.message));
    else waiting?.resolve(undefined);
  }

  /** Rejects all: no answer will come any more. */
  end(reason: string): void {
    for (const { reject } of this.#waiting.values()) reject(new SluiceError('unavailable', reason));
    this.#waiting.clear();
  }
}

/** The answer to a call, made by `work`. */
export function answerTo(call: number, work: () => Promise<unknown>): Promise<Answer> {
  return Promise.resolve()
    .then(work)
    .then(
      (value) => ({ call, value }),
      (error: Error & { code?: ErrorCode }) => ({
        call,
        error: { ...(error instanceof SluiceError && { code: error.code }), message: error.message },
      }),
    );
}
