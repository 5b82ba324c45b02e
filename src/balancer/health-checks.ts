import { isDeepStrictEqual } from 'node:util';
import type { Logger } from 'pino';
import type { HealthVerdict } from '../health/health-machine.ts';
import { type Flip, Prober, type ProberTools } from '../health/prober.ts';
import type { HealthSpec } from '../model/environment.ts';
import type { OutgoingTls } from '../model/outgoing-tls.ts';
import { atOnce, type Pieces } from '../model/pieces.ts';
import { localHeader, type ProxyVersion } from '../model/proxy-protocol.ts';
import { identityMismatch, type ServerIdentity } from '../model/server-identity.ts';
import { TlsConnector } from '../tls/tls-connector.ts';
import { hopConnector, type MemberHop } from './hop.ts';

/** A server whose health is checked. */
export interface CheckedServer {
  readonly environment: string;
  readonly id: string;
  /** A new instance or address starts as a new server, without the status of the old one. */
  readonly instance: string;
  readonly address: string;
  readonly spec: HealthSpec;
  /** TLS settings of connections to the server; absent: they are plain. */
  readonly tls?: OutgoingTls;
  /** Public key that the server proves to have, and the credentials to show to it; absent: connections are as `tls` says. */
  readonly hop?: { readonly key: string; readonly of: MemberHop };
  /** Identity that the server must state; undefined: it states none. */
  readonly expected: ServerIdentity | undefined;
  /** The server need not be Sluice's: it is static, or registers by plain HTTP. */
  readonly foreign: boolean;
  /** Version of the PROXY protocol that the server expects; undefined: none. */
  readonly proxyProtocol?: ProxyVersion | undefined;
}

/** Result of a server's checks so far. */
export interface CheckStatus {
  readonly health: HealthVerdict;
  /** True once a check has passed since the server started, until another server answers at its address. */
  readonly admitted: boolean;
  /** Identity that the last passed check confirmed. */
  readonly identity?: ServerIdentity;
  /** Why the last failed check of a server that is down failed. */
  readonly reason?: string;
}

interface HealthChecksTools extends ProberTools {
  readonly logger: Logger;
  /** True while a server may have restarted without being able to register its new start, so that any start of it is accepted. */
  readonly mayHaveRestarted: (id: string) => boolean;
}

/** Most reasons that are logged while a server is down: they may contain what differs each time, such as a port. */
const mostReasons = 8;

const notYetChecked: CheckStatus = { health: 'unknown', admitted: false };

/** The active health checks of all servers of all environments. A server keeps its status when only check settings change. */
export class HealthChecks {
  readonly #tools: HealthChecksTools;
  readonly #flipped: (environment: string) => void;
  /** By environment and id. */
  readonly #running = new Map<string, Map<string, Check>>();
  #stopped = false;

  /** @param flipped called when a server's status has changed */
  constructor(tools: HealthChecksTools, flipped: (environment: string) => void) {
    this.#tools = tools;
    this.#flipped = flipped;
  }

  /** Checks exactly these servers of an environment from now on; new ones at once. Goes through them in pieces, which have no effect once the checks are stopped. */
  *follow(environment: string, servers: readonly CheckedServer[]): Pieces<void> {
    const running = this.#running.get(environment) ?? new Map<string, Check>();
    const wanted = new Set<string>();
    for (const { id } of servers) {
      wanted.add(id);
      yield;
    }
    for (const [id, check] of running) {
      if (wanted.has(id)) continue;
      check.prober.stop();
      running.delete(id);
      yield;
    }
    if (servers.length === 0) this.#running.delete(environment);
    else if (!this.#stopped) this.#running.set(environment, running);
    for (const server of servers) {
      if (this.#stopped) return;
      this.#follow(server, running);
      yield;
    }
  }

  status(environment: string, id: string): CheckStatus {
    return this.#check(environment, id)?.status ?? notYetChecked;
  }

  /** Counts of a server's check results, over all its instances; undefined for a server that is not checked. */
  counts(environment: string, id: string): Check['counts'] | undefined {
    return this.#check(environment, id)?.counts;
  }

  /** True once every server has been checked at least once. */
  get complete(): boolean {
    for (const checks of this.#running.values()) for (const { status } of checks.values()) if (status.health === 'unknown') return false;
    return true;
  }

  /** Checks a server at once, out of turn. */
  suspect(environment: string, id: string): void {
    this.#check(environment, id)?.prober.checkSoon();
  }

  stop(): void {
    this.#stopped = true;
    for (const environment of [...this.#running.keys()]) atOnce(this.follow(environment, []));
  }

  #check(environment: string, id: string): Check | undefined {
    return this.#running.get(environment)?.get(id);
  }

  #follow(server: CheckedServer, running: Map<string, Check>): void {
    const present = running.get(server.id);
    const { instance, address, proxyProtocol } = present?.server ?? {};
    if (present !== undefined && instance === server.instance && address === server.address && proxyProtocol === server.proxyProtocol) {
      const { spec, tls, hop } = server;
      const { spec: specBefore, tls: tlsBefore, hop: hopBefore } = present.server;
      if (!isDeepStrictEqual([specBefore, tlsBefore, hopBefore], [spec, tls, hop])) present.prober.adopt(spec, connectorTo(server));
      present.server = server;
      return;
    }
    present?.prober.stop();
    const counts = present?.counts ?? { results: { passed: 0 }, flips: { up: 0, down: 0 } };
    const { expected, foreign } = server;
    const secure = connectorTo(server);
    const refuse = expected && ((stated: ServerIdentity | undefined) => this.#refuse(expected, stated));
    const preface = server.proxyProtocol && localHeader(server.proxyProtocol);
    const probed = { address: server.address, spec: server.spec, foreign, secure, ...(refuse && { refuse }), ...(preface && { preface }) };
    const prober = new Prober(probed, this.#tools, (flip) => this.#record(check, flip), counts.results);
    const check: Check = { server, prober, status: notYetChecked, counts, logged: new Set() };
    running.set(server.id, check);
    prober.start();
  }

  #refuse(expected: ServerIdentity, stated: ServerIdentity | undefined): string | undefined {
    const { id, environment } = expected;
    return identityMismatch(this.#tools.mayHaveRestarted(id) ? { id, environment } : expected, stated);
  }

  #record(check: Check, { state, result }: Flip): void {
    const { environment, id, address } = check.server;
    const about = { environment, server: id, address };
    const { logger } = this.#tools;
    const { health, admitted } = check.status;
    if (state !== health) check.counts.flips[result.passed ? 'up' : 'down']++;
    if (result.passed && state !== 'up') return;
    if (result.passed) {
      check.status = { health: state, admitted: true, ...(result.identity && { identity: result.identity }) };
      if (state !== health) logger.info(about, 'server up');
    } else {
      const { failure, reason } = result;
      check.status = { health: state, admitted: admitted && failure !== 'other-server', reason };
      if (state !== health) check.logged.clear();
      if (check.logged.size < mostReasons && !check.logged.has(reason)) {
        check.logged.add(reason);
        logger.warn({ ...about, failure, reason }, state === health ? 'server still down, for another reason' : 'server down');
      }
    }
    this.#flipped(environment);
  }
}

interface Check {
  server: CheckedServer;
  readonly prober: Prober;
  status: CheckStatus;
  readonly counts: { readonly results: Record<string, number>; readonly flips: { up: number; down: number } };
  /** Reasons logged since the server went down. */
  readonly logged: Set<string>;
}

function connectorTo({ id, tls, hop }: CheckedServer): TlsConnector | undefined {
  return hop === undefined ? tls && new TlsConnector(tls) : hopConnector(hop.of, id, hop.key);
}
