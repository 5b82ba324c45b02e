import type { CertificateFiles } from './certificate.ts';
import type { Launched } from './processes.ts';

/** An HTTP proxy or load balancer that is measured. */
export interface Contender {
  /** Name on the command line and in the report. */
  readonly name: string;
  /** True if it can write an access log, and is measured with one as well. */
  readonly logs: boolean;
  /** True if it is measured over TLS as well. */
  readonly secures: boolean;
  /** Returns its version, or the reason why it cannot run on this machine. */
  available(): Availability;
  /** Starts it and resolves when requests pass through it. Rejects with its output if it does not start. */
  start(place: StartOptions): Promise<Running>;
}

export type Availability = { readonly version: string } | { readonly missing: string };

/** Place and upstreams of a contender. */
export interface StartOptions {
  /** Ports of the upstreams on 127.0.0.1, which answer `GET /` with 200. */
  readonly upstreams: readonly number[];
  /** Folder for its configuration and logs. */
  readonly folder: string;
  /** Processor that it is pinned to; undefined: any. */
  readonly cpu: number | undefined;
  readonly accessLog: boolean;
  /** Certificate of its TLS port; undefined: its port is plain. */
  readonly certificate?: CertificateFiles | undefined;
}

/** A place without what differs between the instances of a contender. */
export type Place = Omit<StartOptions, 'upstreams' | 'accessLog'>;

/** A contender that takes requests. */
export interface Running {
  /** Port on 127.0.0.1. */
  readonly port: number;
  /** Processes whose cost is measured, children included. */
  readonly processes: readonly Launched[];
  stop(): Promise<void>;
}
