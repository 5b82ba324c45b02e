/** One gateway's part of a limit: millionths of tokens, and times of the store in microseconds. */
export interface Part {
  /** The gateway, and the version of its settings; empty: nobody's, see `doubted-bucket.ts`. */
  readonly gateway: string;
  /** Tokens a second that the part gains. */
  readonly rate: number;
  /** Most tokens that the gateway may hold. */
  readonly cap: number;
  readonly until: number;
  /** Tokens a second that its requests ask for. */
  readonly demand: number;
}

/** A limit as a store keeps it: the tokens that no gateway holds, at the time `at`, and the gateways' parts. A quota's `at` is the start of its period. */
export interface LimitState {
  readonly at: number;
  readonly level: number;
  readonly parts: readonly Part[];
}

/** Sum of one property over all parts. */
export function sum(parts: readonly Part[], what: 'rate' | 'cap' | 'demand'): number {
  let total = 0;
  for (const part of parts) total += part[what];
  return total;
}
