/** Seconds over which rates, error shares and latencies are averaged, so that they do not flicker. */
export const steadySeconds = 3;

/** The traffic of an environment or server in one second. */
export interface Sample {
  /** Wall clock, seconds. */
  readonly at: number;
  /** Requests per second. */
  readonly requests: number;
  /** Errors per second: 5xx responses, and attempts without a response. */
  readonly errors: number;
  /** Errors among them for which a target or project is to blame, not a server. */
  readonly targetErrors: number;
  /** Requests in flight. */
  readonly active: number;
  /** Median time to the response head over the last {@link steadySeconds}, milliseconds; undefined if there was no response. */
  readonly p50?: number | undefined;
  /** 99th percentile of the same. */
  readonly p99?: number | undefined;
}

/** A {@link Sample} as the live feed sends it: a tuple, rounded to three digits. */
export type PackedSample = readonly [
  requests: number,
  errors: number,
  active: number,
  p50: number | null,
  p99: number | null,
  /** Absent: none. */
  targetErrors?: number,
];

/** Packs a sample for the feed. */
export function packSample({ requests, errors, targetErrors, active, p50, p99 }: Sample): PackedSample {
  const times = [p50 === undefined ? null : rounded(p50), p99 === undefined ? null : rounded(p99)] as const;
  const packed = [rounded(requests), rounded(errors), active, ...times] as const;
  return targetErrors === 0 ? packed : [...packed, rounded(targetErrors)];
}

/**
 * Unpacks a sample of the feed; without one, returns a sample without traffic.
 *
 * @param at wall clock, seconds
 */
export function unpackSample(at: number, [requests, errors, active, p50, p99, targetErrors = 0]: PackedSample = noTraffic): Sample {
  return { at, requests, errors, targetErrors, active, p50: p50 ?? undefined, p99: p99 ?? undefined };
}

const noTraffic: PackedSample = [0, 0, 0, null, null];

/** Rounds to three digits: more are never shown, and would only make messages longer. */
function rounded(value: number): number {
  return value >= 100 ? Math.round(value) : Number(value.toPrecision(3));
}
