import type { LookupAddress } from 'node:dns';
import { isIPv6 } from 'node:net';
import { type Clock, jittered, type Random, type Timer } from '../model/clock.ts';
import type { Log } from '../model/log.ts';
import { FailingAddresses } from './failing-addresses.ts';
import { NameError } from './name-error.ts';
import type { NameLookup } from './name-lookup.ts';

export interface ResolvedNameTools {
  readonly lookup: Pick<NameLookup, 'find'>;
  readonly clock: Clock;
  readonly random: Random;
  /** Asked for each line, because a process makes its logger after its resolver. */
  readonly log: () => Log | undefined;
}

/** Receives the addresses of a name, or the reason why it has none. */
export type Resolved = (error: NameError | null, addresses: readonly LookupAddress[]) => void;

/** Limits of the time in milliseconds after which addresses are looked up again, whatever their TTL. */
const shortestTtlMs = 1000;
const longestTtlMs = 300_000;
/** Milliseconds between lookups that fail: at first, doubled each time up to the longest. */
const firstRetryMs = 1000;
const longestRetryMs = 10_000;

/**
 * The addresses of one name, with one lookup in flight at a time. While it is watched, it is looked up again whenever its TTL ends. If that
 * fails, the last addresses stay in use, however long it takes.
 */
export class ResolvedName {
  /** Time of the clock at which it was last asked for. */
  usedAt: number;
  readonly #name: string;
  readonly #tools: ResolvedNameTools;
  readonly #failing = new FailingAddresses();
  readonly #waiting: Resolved[] = [];
  readonly #watchers = new Set<(present: ReadonlySet<string>) => void>();
  #addresses: readonly LookupAddress[] = [];
  /** The reason why the last lookup failed. */
  #error: NameError | undefined;
  #failures = 0;
  /** Time of the clock from which it may be looked up again: the TTL or the wait after a failure has ended. */
  #dueAt = 0;
  #lookedUpAt = 0;
  #inFlight = false;
  #timer: Timer | undefined;
  #turn = 0;

  constructor(name: string, tools: ResolvedNameTools) {
    this.#name = name;
    this.#tools = tools;
    this.usedAt = tools.clock.now();
  }

  get watched(): boolean {
    return this.#watchers.size > 0;
  }

  /** Number of connections to `port` that may each need some time before one succeeds; undefined: not resolved yet. */
  attempts(port: number): number | undefined {
    return this.#addresses.length === 0 ? undefined : this.#failing.slow(this.#addresses, port, this.#tools.clock.now());
  }

  /** Gives the addresses in the order to try them: in turn, and those that failed recently last. At once if they are known. */
  resolve(port: number, done: Resolved): void {
    const now = this.#tools.clock.now();
    this.usedAt = now;
    if (now >= this.#dueAt) this.#refresh();
    if (this.#addresses.length > 0) done(null, this.#inTurn(port, now));
    else if (this.#inFlight) this.#waiting.push((error) => done(error, error ? [] : this.#inTurn(port, this.#tools.clock.now())));
    else done(this.#error as NameError, []);
  }

  /** Notes that a connection failed. The name may have moved, so it is looked up again soon. */
  failed(address: string, port: number, refused: boolean): void {
    const now = this.#tools.clock.now();
    this.#failing.note(address, port, refused, now);
    if (this.#error === undefined && now - this.#lookedUpAt >= shortestTtlMs) this.#refresh();
  }

  /** Calls `changed` with all addresses whenever they have changed. Returns the end of it. */
  watch(changed: (present: ReadonlySet<string>) => void): () => void {
    this.#watchers.add(changed);
    this.#schedule();
    return () => {
      this.#watchers.delete(changed);
      if (!this.watched) this.#timer?.cancel();
    };
  }

  #inTurn(port: number, now: number): readonly LookupAddress[] {
    const addresses = this.#addresses;
    if (addresses.length === 1) return addresses;
    const first = this.#turn++ % addresses.length;
    return this.#failing.order([...addresses.slice(first), ...addresses.slice(0, first)], port, now);
  }

  #refresh(): void {
    if (this.#inFlight) return;
    this.#inFlight = true;
    this.#timer?.cancel();
    this.#lookedUpAt = this.#tools.clock.now();
    this.#tools.lookup
      .find(this.#name, this.#addresses.length > 0)
      .then(({ addresses, ttlMs }) => this.#found(addresses, ttlMs))
      .catch((error: Error) => this.#notFound(error));
  }

  #found(addresses: readonly string[], ttlMs: number): void {
    const known = this.#failures > 0 ? this.#tools.log() : undefined;
    known?.info({ name: this.#name, addresses }, 'the name is resolved again');
    this.#error = undefined;
    this.#failures = 0;
    const present = new Set(addresses);
    const before = this.#addresses;
    const same = before.length === present.size && before.every(({ address }) => present.has(address));
    if (!same) this.#addresses = [...present].map((address) => ({ address, family: isIPv6(address) ? 6 : 4 }));
    this.#settle(Math.min(longestTtlMs, Math.max(shortestTtlMs, ttlMs)));
    if (same || before.length === 0) return;
    this.#tools.log()?.debug({ name: this.#name, addresses }, 'the name has other addresses');
    for (const changed of [...this.#watchers]) changed(present);
  }

  #notFound(error: Error): void {
    this.#error = error instanceof NameError ? error : new NameError('EAI_AGAIN', `${this.#name}: ${error.message}`);
    if (this.#failures === 0) this.#warn(this.#error);
    this.#settle(Math.min(longestRetryMs, firstRetryMs * 2 ** Math.min(this.#failures++, 10)));
  }

  #warn({ message: reason }: NameError): void {
    const addresses = this.#addresses.map(({ address }) => address);
    const kept = addresses.length > 0;
    this.#tools
      .log()
      ?.warn(
        { name: this.#name, reason, ...(kept && { addresses }) },
        kept ? 'a name cannot be resolved: its last addresses stay in use' : 'a name cannot be resolved',
      );
  }

  #settle(waitMs: number): void {
    this.#inFlight = false;
    this.#dueAt = this.#tools.clock.now() + jittered(waitMs, this.#tools.random);
    this.#schedule();
    const error = this.#addresses.length === 0 ? (this.#error ?? null) : null;
    for (const waiting of this.#waiting.splice(0)) waiting(error, this.#addresses);
  }

  /** Sets the timer of a watched name for its next lookup. */
  #schedule(): void {
    if (!this.watched || this.#inFlight) return;
    this.#timer?.cancel();
    this.#timer = this.#tools.clock.after(Math.max(0, this.#dueAt - this.#tools.clock.now()), () => this.#refresh());
  }
}
