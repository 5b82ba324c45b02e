import { type Sample, steadySeconds } from './sample.ts';

/** Seconds of traffic that are kept of each environment, for charts. */
export const shownSeconds = 120;

/** The last `most` samples of an environment or server, oldest first. */
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

  /** True if no sample has any traffic. */
  get idle(): boolean {
    return this.samples.every(({ requests, active }) => requests === 0 && active === 0);
  }

  get last(): Sample | undefined {
    return this.samples.at(-1);
  }

  /** Requests per second. */
  get rate(): number {
    const recent = this.samples.slice(-steadySeconds);
    return recent.length === 0 ? 0 : recent.reduce((sum, { requests }) => sum + requests, 0) / recent.length;
  }

  /** Share of requests that were errors, 0 to 1. */
  get errorShare(): number {
    return this.#share(({ errors }) => errors);
  }

  /** Share of requests that were errors of targets and projects, 0 to 1; a part of `errorShare`. */
  get targetErrorShare(): number {
    return this.#share(({ targetErrors }) => targetErrors);
  }

  #share(count: (sample: Sample) => number): number {
    const recent = this.samples.slice(-steadySeconds);
    const errors = recent.reduce((sum, sample) => sum + count(sample), 0);
    const requests = recent.reduce((sum, sample) => sum + sample.requests, 0);
    return errors === 0 ? 0 : Math.min(1, errors / Math.max(requests, errors));
  }
}
