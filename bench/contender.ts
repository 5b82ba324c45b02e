import type { Launched } from './processes.ts';

/** Something that carries HTTP from clients to upstreams and is measured doing it. */
export interface Contender {
  /** As on the command line and in the report. */
  readonly name: string;
  /** Whether it can write an access log, and is measured with it. */
  readonly logs: boolean;
  /** Its version, or why it cannot take part on this machine. */
  available(): Availability;
  /** Starts it; settles once requests pass through it. Rejects with what it said if it does not come up. */
  start(place: StartOptions): Promise<Running>;
}

export type Availability = { readonly version: string } | { readonly missing: string };

/** Where a contender runs and what it stands before. */
export interface StartOptions {
  /** Ports of the upstreams on 127.0.0.1; `GET /` is answered there with 200. */
  readonly upstreams: readonly number[];
  /** A folder of its own, for configuration and logs. */
  readonly folder: string;
  /** The processor that it alone may use; undefined: any. */
  readonly cpu: number | undefined;
  readonly accessLog: boolean;
}

/** A contender that takes requests. */
export interface Running {
  /** On 127.0.0.1. */
  readonly port: number;
  /** The processes whose cost is counted; their children count as well. */
  readonly processes: readonly Launched[];
  stop(): Promise<void>;
}
