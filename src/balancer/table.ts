import type { HealthVerdict } from '../health/health-machine.ts';
import type { EnvironmentSpec } from '../model/environment.ts';
import type { HealthState } from '../model/live.ts';
import type { OutgoingTls } from '../model/outgoing-tls.ts';
import type { Pieces } from '../model/pieces.ts';
import type { ProxyVersion } from '../model/proxy-protocol.ts';

/**
 * Everything the data plane must know of one environment, as plain data that survives JSON, so that it can be sent to a worker process.
 * Tables flow from the director to the data plane only; counts and `Feedback` flow back.
 */
export interface TableEnvironment {
  readonly name: string;
  readonly spec: EnvironmentSpec;
  /** Sorted by id. */
  readonly servers: readonly TableServer[];
  /** Credentials for the servers that joined; absent: there are none. Holds a private key: never log it. */
  readonly hop?: TableHop;
}

/** Credentials with which a balancer connects to servers that joined. */
export interface TableHop {
  /** The balancer's certificate, in PEM. */
  readonly certificate: string;
  /** Its private key, in PEM. */
  readonly key: string;
  /** Certificates of the registry's authority, in PEM. */
  readonly authorities: readonly string[];
}

/** One server of an environment, as the data plane sees it. */
export interface TableServer {
  readonly id: string;
  /** New at each start; empty for a static server. */
  readonly instance: string;
  readonly address: string;
  /**
   * Identity that the server must state on each new connection before it gets a request, as its last check confirmed it; absent for a
   * server that states none, because it is static, registers by plain HTTP, or is older.
   */
  readonly identity?: string;
  readonly weight: number;
  /** TLS settings of connections to the server; absent: they are plain. */
  readonly tls?: OutgoingTls;
  /** The server is a part of this process, which reaches it without a connection; absent: it has an address. */
  readonly embedded?: true;
  /** Public key (P-256, SPKI in DER, base64) that the server proves to have, in connections with mutual TLS; absent: connections are as `tls` says. */
  readonly hopKey?: string;
  /** Version of the PROXY protocol whose header begins each connection to the server; absent: none. */
  readonly proxyProtocol?: ProxyVersion;
  /** True while the server may be given new requests: it acknowledged a snapshot, passed a check since it started, is the server that registered, is not draining and not lost. */
  readonly serving: boolean;
  /** Result of the active checks; `up` where checks are off. Panic mode ignores it, but never ignores `serving`. */
  readonly health: HealthVerdict;
  /** Ejected for a while after too many failed exchanges; panic mode ignores this too. */
  readonly ejected: boolean;
  /** True if the server would be `serving`, but rejected a project that other servers serve. */
  readonly incomplete?: true;
  /** Date at which the server's lease ended, if it stays in rotation because it still answers; absent while it holds its lease. */
  readonly leaseEndedAt?: number;
  /** Why the server is down, ejected or incomplete, or in rotation without a lease, for people. */
  readonly reason?: string;
  /** Date at which the server last became healthy enough for traffic, in milliseconds since 1970; absent while it is not. */
  readonly wellSince?: number;
}

/** Health of a server by its active checks and its ejection together. */
export function healthOf({ health, ejected }: TableServer): HealthState {
  return health === 'up' && ejected ? 'ejected' : health;
}

/** Receives tables, one environment at a time. */
export interface TableReader {
  /** Makes beforehand, in pieces, what `apply` takes into use if it is called with this very table. Default: nothing is. */
  prepare?(environment: TableEnvironment): Pieces<void>;
  /** Called for an environment that is new or has changed. */
  apply(environment: TableEnvironment): void;
  remove(name: string): void;
}
