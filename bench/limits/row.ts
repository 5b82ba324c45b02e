/** One measurement of a limit. */
export interface Row {
  /** Requests a second. */
  readonly limit: number;
  readonly traffic: string;
  /** Multiple of the limit. */
  readonly load: number;
  readonly allowedPerSecond: number;
  /** Share by which less was let through than by one exact bucket. */
  readonly under: number;
  readonly perCall: number;
  /** Most tokens by which a span of time had more than burst and rate. */
  readonly over: number;
  /** Milliseconds in which nothing was sent, since the machine was busy with other things. */
  readonly lateMs: number;
}
