import type { Clock } from '../../model/clock.ts';
import type { ErrorCode, SluiceError } from '../../model/fault.ts';
import type { Log } from '../../model/log.ts';

/** Kinds of refusals at the doors through which servers register; `slow` and `frame` close a connection that had been let in. */
export const refusalReasons = ['token', 'scope', 'taken', 'servers', 'connections', 'slow', 'frame'] as const;
export type RefusalReason = (typeof refusalReasons)[number];

/** Milliseconds between two lines about one address. */
const logEveryMs = 60_000;
/** Addresses that are remembered; beyond this, the one that was logged first is forgotten. */
const maxAddresses = 1024;

const reasonOf: { readonly [code in ErrorCode]?: RefusalReason } = {
  unauthorized: 'token',
  forbidden: 'scope',
  conflict: 'taken',
  throttled: 'servers',
};

/** Counts refusals of joins, and logs them: at most one line a minute for each address. */
export class JoinRefusals {
  readonly #log: Log;
  readonly #clock: Clock;
  readonly #counts = new Map<RefusalReason, number>(refusalReasons.map((reason) => [reason, 0]));
  /** For each address: time of its last line, and refusals since then. */
  readonly #addresses = new Map<string, { at: number; since: number }>();

  constructor(log: Log, clock: Clock) {
    this.#log = log;
    this.#clock = clock;
  }

  get counts(): ReadonlyMap<RefusalReason, number> {
    return this.#counts;
  }

  /** Number of addresses that are remembered. */
  get remembered(): number {
    return this.#addresses.size;
  }

  /** @param token name of the token that was shown, if it was a right one */
  note(reason: RefusalReason, address: string, message: string, token?: string): void {
    this.#counts.set(reason, (this.#counts.get(reason) ?? 0) + 1);
    const now = this.#clock.now();
    const known = this.#addresses.get(address);
    if (known !== undefined && now - known.at < logEveryMs) {
      known.since++;
      return;
    }
    this.#addresses.delete(address);
    this.#addresses.set(address, { at: now, since: 0 });
    const [oldest] = this.#addresses.keys();
    if (this.#addresses.size > maxAddresses && oldest !== undefined) this.#addresses.delete(oldest);
    this.#log.warn(
      { address, reason, ...(token !== undefined && { token }), ...(known !== undefined && known.since > 0 && { unlogged: known.since }) },
      `a registration was refused: ${message}`,
    );
  }

  /** Notes an error that a caller got, if it is a refusal of its join. */
  noteError(error: SluiceError, address: string, token?: string): void {
    const reason = reasonOf[error.code];
    if (reason !== undefined) this.note(reason, address, error.message, token);
  }
}
