import type { Clock } from '../model/clock.ts';
import type { Environment } from '../model/environment.ts';
import { ownAddresses } from '../model/own-addresses.ts';
import type { Pieces } from '../model/pieces.ts';
import type { ServerRecord } from '../model/server.ts';
import { type Hop, hopTo, type MemberHop, memberHop } from './hop.ts';
import { HopModes } from './hop-modes.ts';
import { HopPatience } from './hop-patience.ts';
import type { TableHop } from './table.ts';

/** This balancer's credentials for connections to servers, and their changes. */
export interface HopCredentialsSource {
  /** Undefined: there are none yet. */
  readonly credentials: TableHop | undefined;
  /** True if their authority was made at this start, and is not the registry's first: servers refuse it until they have learned of it. */
  readonly isNew?: boolean;
  onChange(listener: () => void): () => void;
}

/** The ways to all servers, as credentials, settings and records have them at present. */
export class Hops {
  readonly #source: HopCredentialsSource | undefined;
  readonly #modes: HopModes;
  readonly #patience: HopPatience;
  readonly #members = new Map<string, MemberHop>();
  readonly #unwatch: (() => void) | undefined;

  /** @param changed called when ways have changed although neither environments nor records have */
  constructor(clock: Clock, source: HopCredentialsSource | undefined, changed: () => void) {
    this.#source = source;
    this.#modes = new HopModes(clock, changed);
    this.#patience = new HopPatience(clock, changed);
    this.#unwatch = source?.onChange(changed);
  }

  follow(environments: ReadonlyMap<string, Environment>): void {
    this.#modes.follow(environments.values());
    for (const name of this.#members.keys()) if (!environments.has(name)) this.#members.delete(name);
  }

  /** Takes all servers of an environment, one in a piece. */
  followServers(environment: string, members: Iterable<{ readonly record: ServerRecord }>): Pieces<void> {
    return this.#patience.follow(environment, members);
  }

  /** Only what tables carry. Undefined: this balancer has no credentials. */
  get credentials(): TableHop | undefined {
    const given = this.#source?.credentials;
    return given && { certificate: given.certificate, key: given.key, authorities: given.authorities };
  }

  /** The way to a server of an environment. */
  to(record: ServerRecord, { name, spec }: Environment): Hop {
    return hopTo(record, {
      serverTls: this.#modes.of(name, spec.serverTls),
      hasCredentials: this.#source?.credentials !== undefined,
      isAwaited: this.#patience.waitsFor(record.id),
      isOwn: (host) => ownAddresses.has(host),
    });
  }

  /** True for a server that may refuse this balancer until it has learned of its authority. */
  isStrange(record: ServerRecord, environment: Environment): boolean {
    return this.#source?.isNew === true && this.to(record, environment).hopKey !== undefined;
  }

  /** Credentials for the checks of an environment's servers. */
  ofMembers(environment: string): MemberHop | undefined {
    const hop = memberHop(environment, this.credentials, this.#members.get(environment));
    if (hop !== undefined) this.#members.set(environment, hop);
    return hop;
  }

  stop(): void {
    this.#unwatch?.();
    this.#modes.stop();
    this.#patience.stop();
  }
}
