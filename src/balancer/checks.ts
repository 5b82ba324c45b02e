import { isDeepStrictEqual } from 'node:util';
import type { Logger } from 'pino';
import type { Wellness } from '../health/health-machine.ts';
import { type Flip, Prober, type ProberTools } from '../health/prober.ts';
import type { HealthSpec } from '../model/environment.ts';

/** A server to be checked. */
export interface Checked {
  readonly environment: string;
  readonly id: string;
  /** Another instance or address is another server: what was known of the former says nothing. */
  readonly instance: string;
  readonly address: string;
  readonly spec: HealthSpec;
}

/** What checks say of a server. */
export interface Diagnosis {
  readonly health: Wellness;
  /** Passed a check since it started. */
  readonly admitted: boolean;
  readonly reason?: string;
}

const undiagnosed: Diagnosis = { health: 'unknown', admitted: false };

/** The active checks of all servers of all environments. What is known of a server stays while only settings change. */
export class Checks {
  readonly #tools: ProberTools & { readonly logger: Logger };
  readonly #flipped: (environment: string) => void;
  readonly #running = new Map<string, Check>();

  constructor(tools: ProberTools & { readonly logger: Logger }, flipped: (environment: string) => void) {
    this.#tools = tools;
    this.#flipped = flipped;
  }

  /** From now on these are checked, and no others. New ones at once. */
  follow(servers: readonly Checked[]): void {
    const wanted = new Set(servers.map((server) => keyOf(server.environment, server.id)));
    for (const [key, check] of this.#running) {
      if (wanted.has(key)) continue;
      check.prober.stop();
      this.#running.delete(key);
    }
    for (const server of servers) this.#follow(server);
  }

  diagnosis(environment: string, id: string): Diagnosis {
    return this.#running.get(keyOf(environment, id))?.diagnosis ?? undiagnosed;
  }

  /** How its checks went since it is checked here, whatever process it was. */
  counts(environment: string, id: string): Check['counts'] | undefined {
    return this.#running.get(keyOf(environment, id))?.counts;
  }

  /** Whether every server was judged at least once. */
  get complete(): boolean {
    for (const { diagnosis } of this.#running.values()) if (diagnosis.health === 'unknown') return false;
    return true;
  }

  /** Checks a server without waiting for its turn. */
  suspect(environment: string, id: string): void {
    this.#running.get(keyOf(environment, id))?.prober.checkSoon();
  }

  stop(): void {
    this.follow([]);
  }

  #follow(server: Checked): void {
    const key = keyOf(server.environment, server.id);
    const present = this.#running.get(key);
    if (present?.server.instance === server.instance && present.server.address === server.address) {
      if (!isDeepStrictEqual(present.server.spec, server.spec)) present.prober.adopt(server.spec);
      present.server = server;
      return;
    }
    present?.prober.stop();
    const counts = present?.counts ?? { results: { passed: 0 }, flips: { up: 0, down: 0 } };
    const prober = new Prober(server, this.#tools, (flip) => this.#take(check, flip), counts.results);
    const check: Check = { server, prober, diagnosis: undiagnosed, counts };
    this.#running.set(key, check);
    prober.start();
  }

  #take(check: Check, { state, result }: Flip): void {
    const { environment, id, address } = check.server;
    const about = { environment, server: id, address };
    check.counts.flips[result.passed ? 'up' : 'down']++;
    if (result.passed) {
      check.diagnosis = { health: state, admitted: true };
      this.#tools.logger.info(about, 'server up');
    } else {
      check.diagnosis = { health: state, admitted: check.diagnosis.admitted, reason: result.reason };
      this.#tools.logger.warn({ ...about, failure: result.failure, reason: result.reason }, 'server down');
    }
    this.#flipped(environment);
  }
}

interface Check {
  server: Checked;
  readonly prober: Prober;
  diagnosis: Diagnosis;
  readonly counts: { readonly results: Record<string, number>; readonly flips: { up: number; down: number } };
}

/** Names have no space in them. */
function keyOf(environment: string, id: string): string {
  return `${environment} ${id}`;
}
