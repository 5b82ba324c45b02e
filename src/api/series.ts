/** Seconds that are kept of an environment: what charts show. */
export const shownSeconds = 120;
/** Seconds over which rates, shares and latencies are read, so that they do not flicker. */
export const steadySeconds = 3;

/** One second of an environment or server. */
export interface Sample {
  /** Wall clock, seconds. */
  readonly at: number;
  /** A second. */
  readonly requests: number;
  /** A second: 5xx, and attempts without a response. */
  readonly errors: number;
  /** In flight. */
  readonly active: number;
  /** Milliseconds to the head of the response, over the last {@link steadySeconds}; undefined if there were no answers. */
  readonly p50?: number | undefined;
  readonly p99?: number | undefined;
}

/** A {@link Sample} as the live feed tells it: requests, errors, in flight, p50 and p99. */
export type PackedSample = readonly [requests: number, errors: number, active: number, p50: number | null, p99: number | null];

/** For {@link unpackSample}. */
export function packSample({ requests, errors, active, p50, p99 }: Sample): PackedSample {
  return [short(requests), short(errors), active, p50 === undefined ? null : short(p50), p99 === undefined ? null : short(p99)];
}

/** @param at wall clock, seconds; without figures nothing happened then */
export function unpackSample(at: number, [requests, errors, active, p50, p99]: PackedSample = nothing): Sample {
  return { at, requests, errors, active, p50: p50 ?? undefined, p99: p99 ?? undefined };
}

const nothing: PackedSample = [0, 0, 0, null, null];

/** Three digits say all that is shown; the rest would only be sent. */
function short(value: number): number {
  return value >= 100 ? Math.round(value) : Number(value.toPrecision(3));
}

/** What is to be seen of an environment or server: the last samples, oldest first. */
export class Series {
  readonly samples: Sample[] = [];
  readonly #most: number;

  constructor(most: number) {
    this.#most = most;
  }

  add(sample: Sample): void {
    this.samples.push(sample);
    if (this.samples.length > this.#most) this.samples.shift();
  }

  /** Nothing happened in all the time that is kept. */
  get idle(): boolean {
    return this.samples.every(({ requests, active }) => requests === 0 && active === 0);
  }

  get last(): Sample | undefined {
    return this.samples.at(-1);
  }

  /** Requests a second. */
  get rate(): number {
    const recent = this.samples.slice(-steadySeconds);
    return recent.length === 0 ? 0 : recent.reduce((sum, { requests }) => sum + requests, 0) / recent.length;
  }

  /** Errors by requests, 0 to 1. */
  get errorShare(): number {
    const recent = this.samples.slice(-steadySeconds);
    const errors = recent.reduce((sum, sample) => sum + sample.errors, 0);
    const requests = recent.reduce((sum, sample) => sum + sample.requests, 0);
    return errors === 0 ? 0 : Math.min(1, errors / Math.max(requests, errors));
  }
}
