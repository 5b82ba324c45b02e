/** What became of the requests of a load of a constant rate. Times in milliseconds, counted from the time at which each request was due. */
export interface DueFigures {
  readonly requests: number;
  readonly p50: number;
  readonly p90: number;
  readonly p99: number;
  readonly p999: number;
  /** 99th percentile of the time by which the load itself was late: a request was due and a connection was free. */
  readonly late: number;
  /** Share of the requests that were due while all connections waited for answers. */
  readonly waited: number;
}

/**
 * The requests of a load of a constant rate, each due at its time, answered or not. Times are milliseconds since the load began.
 * A load that is late by itself and one that has no free connection send equally late, but only the latter tells of the contender: they are told apart.
 */
export class DueRequests {
  readonly #interval: number;
  readonly #latencies: Float64Array;
  readonly #late: Float64Array;
  readonly #waited: Uint8Array;
  /** Since when a connection has been free. */
  #freeSince = 0;
  #sent = 0;
  #answered = 0;

  constructor(rate: number, total: number) {
    this.#interval = 1000 / rate;
    this.#latencies = new Float64Array(total);
    this.#late = new Float64Array(total);
    this.#waited = new Uint8Array(total);
  }

  /** Time at which the next request is due; infinite: all are sent. */
  get nextAt(): number {
    return this.#sent < this.#latencies.length ? this.#timeOf(this.#sent) : Number.POSITIVE_INFINITY;
  }

  get allAnswered(): boolean {
    return this.#answered === this.#latencies.length;
  }

  /** A connection became free while none was. */
  free(now: number): void {
    this.#freeSince = now;
  }

  /** The next request is sent. Returns its index. */
  send(now: number): number {
    const index = this.#sent++;
    const due = this.#timeOf(index);
    this.#waited[index] = Number(this.#freeSince > due);
    this.#late[index] = now - Math.max(due, this.#freeSince);
    return index;
  }

  answer(index: number, now: number): void {
    this.#latencies[index] = now - this.#timeOf(index);
    this.#answered++;
  }

  /** Figures of the requests from index `from` on: those before only warmed up. */
  figures(from: number): DueFigures {
    const latencies = this.#latencies.slice(from).sort();
    const late = this.#late.slice(from).sort();
    const waited = this.#waited.subarray(from).reduce((sum, one) => sum + one, 0);
    const quantile = (sorted: Float64Array, part: number) => sorted[Math.max(0, Math.ceil(sorted.length * part) - 1)] ?? Number.NaN;
    const [p50, p90, p99, p999] = [0.5, 0.9, 0.99, 0.999].map((part) => quantile(latencies, part)) as [number, number, number, number];
    return { requests: latencies.length, p50, p90, p99, p999, late: quantile(late, 0.99), waited: waited / latencies.length };
  }

  #timeOf(index: number): number {
    return index * this.#interval;
  }
}
