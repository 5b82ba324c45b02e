import type { LeasedServer } from '../model/server.ts';

/** A registered server with this process's own view of its lease. */
export interface MemberRecord {
  readonly record: LeasedServer;
  /** Time of this process's clock at which the longest lease seen so far ends. */
  readonly leaseEndsAt: number;
  /** Time until which `record.running` is assumed to be as last known, because the server joined again and has not reported it yet. */
  readonly assumedUntil?: number;
  /** Date at which the lease ended, by the registry's clock and by this process's clock; absent while it is held. */
  readonly leaseEndedAt?: number;
  /** True if the lease ended although the registry could be reached and took writes, so that the server could have renewed it. */
  readonly lost: boolean;
}

/** The registered servers, by id and by environment. */
export class Members {
  readonly #byId = new Map<string, MemberRecord>();
  readonly #byEnvironment = new Map<string, Map<string, MemberRecord>>();
  #lost = 0;

  get byId(): ReadonlyMap<string, MemberRecord> {
    return this.#byId;
  }

  /** True if some server has lost its lease. */
  get someLost(): boolean {
    return this.#lost > 0;
  }

  /** The servers of an environment. */
  of(environment: string): Iterable<MemberRecord> {
    return this.#byEnvironment.get(environment)?.values() ?? [];
  }

  set(member: MemberRecord): void {
    const { id, environment } = member.record;
    const before = this.#byId.get(id);
    if (before !== undefined && before.record.environment !== environment) this.#leave(before);
    if (before?.lost) this.#lost--;
    if (member.lost) this.#lost++;
    this.#byId.set(id, member);
    if (environment === undefined) return;
    const others = this.#byEnvironment.get(environment);
    if (others === undefined) this.#byEnvironment.set(environment, new Map([[id, member]]));
    else others.set(id, member);
  }

  delete(id: string): void {
    const before = this.#byId.get(id);
    if (before === undefined) return;
    this.#byId.delete(id);
    if (before.lost) this.#lost--;
    this.#leave(before);
  }

  #leave({ record: { id, environment = '' } }: MemberRecord): void {
    const others = this.#byEnvironment.get(environment);
    others?.delete(id);
    if (others?.size === 0) this.#byEnvironment.delete(environment);
  }
}
