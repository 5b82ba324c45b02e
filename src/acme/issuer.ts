import type { AcmeSpec } from '../model/acme.ts';
import { SluiceError } from '../model/fault.ts';
import type { IssueFailure } from '../tls/issued-certificates.ts';
import { IssuerLease } from './issuer-lease.ts';
import { IssuingTurn, type TurnTools } from './issuing-turn.ts';
import { dueOf } from './name-state.ts';

/** Bounds of the milliseconds between two looks at what is due. */
const look = { least: 1_000, most: 300_000 };
/** Milliseconds until a name is tried again whose document could not be reached. */
const registryRetryMs = 5_000;

export interface IssuerTools extends TurnTools {
  /** Called when it is worth another look: a name that was under way is done. */
  readonly again: () => void;
}

/** A turn of this balancer, which has the lease. */
interface Turn {
  readonly work: IssuingTurn;
  readonly release: () => Promise<void>;
}

/** Orders and renews certificates, while no other balancer on the registry does. */
export class Issuer {
  readonly #tools: IssuerTools;
  readonly #lease: IssuerLease;
  /** Undefined: this balancer does not have the lease. */
  #turn: Turn | undefined;
  /** The latest attempt of each name. */
  readonly #attempts = new Set<Promise<void>>();
  /** Names whose documents this balancer cannot use, or whose attempt ended unexpectedly. */
  readonly #unusable = new Map<string, IssueFailure>();
  #stopped = false;

  constructor(tools: IssuerTools) {
    this.#tools = tools;
    this.#lease = new IssuerLease(tools.store, tools.clock);
  }

  /** Begins everything that is due. Resolves, without waiting for it, with the milliseconds until something else is. One at a time. */
  async look(wanted: ReadonlyMap<string, AcmeSpec>): Promise<number> {
    const { clock } = this.#tools;
    for (const name of this.#unusable.keys()) if (!wanted.has(name)) this.#unusable.delete(name);
    if (this.#turn?.work.ended) await this.#end(this.#turn);
    if (this.#turn === undefined && !this.#stopped && this.#earliest(wanted) <= clock.date()) {
      const waitMs = await this.#begin();
      if (waitMs !== undefined) return waitMs;
    }
    const turn = this.#turn;
    if (turn !== undefined) {
      for (const [name, spec] of wanted) {
        const isDue = !turn.work.isUnderWay(name) && this.#dueAt(name, spec) <= clock.date();
        if (isDue && !turn.work.ended && turn.work.hasRoom(spec)) this.#start(turn.work, name, spec);
      }
      if (turn.work.idle) {
        try {
          await this.#forgetOthers(wanted);
        } finally {
          await this.#end(turn);
        }
      }
    }
    return Math.min(Math.max(this.#earliest(wanted) - clock.date(), look.least), look.most);
  }

  /** Why this balancer cannot use what the registry keeps of a name; undefined: it can, as far as it knows. */
  faultOf(name: string): IssueFailure | undefined {
    return this.#unusable.get(name);
  }

  /** Breaks off what is under way. */
  stop(): void {
    this.#stopped = true;
    this.#turn?.work.abort();
  }

  /** Resolves when nothing is under way any more. Called after {@link stop}, when no look is under way. */
  async stopped(): Promise<void> {
    if (this.#turn !== undefined) await this.#end(this.#turn);
  }

  /** Takes the lease. Resolves with the milliseconds until it is worth another try if another balancer has it. */
  async #begin(): Promise<number | undefined> {
    const work = new IssuingTurn(this.#tools);
    const lease = await this.#lease.take(() => {
      work.abort();
      this.#tools.again();
    });
    if ('waitMs' in lease) return lease.waitMs;
    this.#turn = { work, release: lease.release };
    if (this.#stopped) work.abort();
    try {
      await work.clear();
    } catch (error) {
      await this.#end(this.#turn);
      throw error;
    }
    return undefined;
  }

  async #end({ work, release }: Turn): Promise<void> {
    await Promise.all(this.#attempts);
    this.#turn = undefined;
    work.close();
    await release();
  }

  #start(work: IssuingTurn, name: string, spec: AcmeSpec): void {
    const attempt = work.advance(name, spec).then(
      () => void this.#unusable.delete(name),
      (error: Error) => {
        if (!work.ended) this.#noteUnusable(name, error);
      },
    );
    this.#attempts.add(attempt);
    void attempt.then(() => {
      this.#attempts.delete(attempt);
      this.#tools.again();
    });
  }

  /** Only this balancer, or this name: nothing is noted in the registry, where others may read it. */
  #noteUnusable(name: string, error: Error): void {
    const { message: reason } = error;
    const isKnown = error instanceof SluiceError;
    const isAway = isKnown && error.code === 'unavailable';
    const isTold = isAway
      ? [...this.#unusable.values()].some((other) => other.reason === reason)
      : this.#unusable.get(name)?.reason === reason;
    if (!isTold) this.#tools.logger.error(isKnown ? { name } : { name, err: error }, `no certificate is ordered: ${reason}`);
    const at = this.#tools.clock.date();
    this.#unusable.set(name, { at, attempts: 1, reason, retryAt: at + (isAway ? registryRetryMs : look.most) });
  }

  /** Date at which the first of the names that are not under way is due. */
  #earliest(wanted: ReadonlyMap<string, AcmeSpec>): number {
    let least = Number.POSITIVE_INFINITY;
    for (const [name, spec] of wanted) if (this.#turn?.work.isUnderWay(name) !== true) least = Math.min(least, this.#dueAt(name, spec));
    return least;
  }

  #dueAt(name: string, spec: AcmeSpec): number {
    return Math.max(dueOf(this.#tools.kept.stateOf(name), spec).at, this.#unusable.get(name)?.retryAt ?? 0);
  }

  /** Removes names that no environment has any more, once their certificates have expired. */
  async #forgetOthers(wanted: ReadonlyMap<string, AcmeSpec>): Promise<void> {
    const { kept, clock } = this.#tools;
    for (const name of [...kept.names]) {
      if (wanted.has(name) || (kept.stateOf(name).issued?.until ?? 0) > clock.date()) continue;
      try {
        await kept.forget(name, (await kept.read(name)).revision);
      } catch (error) {
        // Another key seals the document by now: it is another balancer's.
        if (!(error instanceof SluiceError) || error.code === 'unavailable') throw error;
      }
    }
  }
}
