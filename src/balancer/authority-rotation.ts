import { Authority } from '../certificates/authority.ts';
import type { Clock } from '../model/clock.ts';
import { CoalescedTask } from '../model/coalesced-task.ts';
import { SluiceError } from '../model/fault.ts';
import type { Log } from '../model/log.ts';
import type { Secrets } from '../registry/secrets/secrets.ts';
import { type AuthorityStage, authorityPrefix, readAuthorities, type StoredAuthority, storedTexts } from './accepted-authorities.ts';
import type { HopAuthority } from './hop-authority.ts';
import type { MemberRecord } from './members.ts';

/** Milliseconds for which every server must have what a step gives it: by then all balancers have read it, too. They read everything once in a minute. */
const usualSettleMs = 90_000;
/** Most servers that a status names. */
const mostNamed = 20;

/** The authorities of a registry, as an operator is told of them. Dates in milliseconds since 1970. */
export interface AuthoritiesStatus {
  readonly rotating: boolean;
  readonly authorities: readonly {
    readonly id: string;
    readonly stage: AuthorityStage;
    /** This balancer has its key. */
    readonly own: boolean;
    /** Date at which a balancer last said that it uses it. */
    readonly usedAt: number;
    /** Date from which it is in its stage; absent: it was not rotated. */
    readonly since?: number;
  }[];
  /** Servers without the certificate that the next step needs, sorted. */
  readonly waitingFor: readonly string[];
  /** Number of these servers. */
  readonly waiting: number;
}

interface Parts {
  readonly authority: HopAuthority;
  readonly clock: Clock;
  readonly logger: Log;
  /** The registered servers. */
  readonly members: () => Iterable<Pick<MemberRecord, 'record' | 'lost'>>;
  /** True for a server that this balancer still sends requests to, though it may have lost its lease. */
  readonly isUp: (id: string) => boolean;
  /** Default: 90 s. */
  readonly settleMs?: number;
}

/**
 * Replaces the authority of the certificates between balancers and servers, with no moment at which one end shows a certificate that the other does
 * not believe: first every server learns of the new authority, then certificates of the new one replace those of the former, then the former is
 * forgotten. The registry keeps the stage of each authority, so that any balancer with the same key for secrets takes the next step.
 */
export class AuthorityRotation {
  readonly #parts: Parts;
  readonly #settleMs: number;
  readonly #steps: CoalescedTask;
  #secrets: Secrets | undefined;
  /** Time of the clock since which no server is behind in the present step, and that step. */
  #settled: { readonly step: string; readonly since: number } | undefined;

  constructor(parts: Parts) {
    this.#parts = parts;
    this.#settleMs = parts.settleMs ?? usualSettleMs;
    this.#steps = new CoalescedTask({ clock: parts.clock, run: () => this.#run() });
  }

  start(secrets: Secrets): void {
    this.#secrets = secrets;
    this.#steps.soon();
  }

  stop(): void {
    this.#steps.stop();
  }

  async status(): Promise<AuthoritiesStatus> {
    const authorities = await this.#read();
    const behind = this.#behind();
    const rotating = authorities.some(({ stage }) => stage !== 'present');
    return {
      rotating,
      authorities: authorities.map(({ id, stage, own, at, since }) => ({
        ...{ id, stage, own: own !== undefined, usedAt: at },
        ...(since !== undefined && { since }),
      })),
      waitingFor: rotating ? behind.slice(0, mostNamed) : [],
      waiting: rotating ? behind.length : 0,
    };
  }

  /** Begins a rotation: makes the new authority. Rejects with `conflict` while another one is under way, or if this balancer has no authority. */
  async rotate(): Promise<AuthoritiesStatus> {
    const secrets = this.#known();
    const stored = await this.#read();
    if (stored.some(({ stage }) => stage !== 'present'))
      throw new SluiceError('conflict', 'the authority is being replaced already: see "sluice ca status"');
    if (!stored.some(({ own }) => own !== undefined))
      throw new SluiceError('conflict', 'this balancer has no authority that it could replace: its log says why');
    const now = this.#parts.clock.date();
    const next = Authority.make(now);
    const { text, clear } = storedTexts(next, { at: now, stage: 'next', since: now });
    if (!(await secrets.put(`${authorityPrefix}${secrets.keyId}:${next.id}`, text, 0, clear)))
      throw new SluiceError('conflict', 'another balancer changed the authorities at the same time: try again');
    this.#parts.logger.info({ authority: next.id }, 'a new authority for the connections to servers: they learn of it first');
    this.#settled = undefined;
    await this.#parts.authority.loaded();
    this.#steps.soon();
    return this.status();
  }

  async #run(): Promise<void> {
    const { logger } = this.#parts;
    try {
      await this.#step();
    } catch (error) {
      if (!(error instanceof SluiceError)) throw error;
      logger.debug({ reason: error.message }, 'the authority cannot be replaced at present; trying again');
    }
    this.#steps.soon(this.#settleMs / 6);
  }

  /** Takes the next step if every server has been ready for it for long enough. */
  async #step(): Promise<void> {
    const { authority, clock, logger } = this.#parts;
    // Without reading: most of the time nothing is under way.
    if (!authority.rotating) return;
    const secrets = this.#known();
    const stored = await this.#read();
    const own = stored.filter((one) => one.own !== undefined);
    const next = own.find(({ stage }) => stage === 'next');
    const past = own.filter(({ stage }) => stage === 'past');
    const present = own.filter(({ stage }) => stage === 'present');
    const moving = next ?? past[0];
    if (moving === undefined) return;
    const step = `${moving.id} ${moving.stage}`;
    if (this.#behind().length > 0) {
      this.#settled = undefined;
      return;
    }
    const now = clock.date();
    if (this.#settled?.step !== step) this.#settled = { step, since: clock.now() };
    if (clock.now() - this.#settled.since < this.#settleMs || now - (moving.since ?? now) < this.#settleMs) return;
    if (next === undefined) {
      for (const { name, revision, id } of past)
        if (await secrets.remove(name, revision))
          logger.info({ authority: id }, 'the former authority is forgotten: the new one has replaced it');
      return;
    }
    // The former ones first: without a present authority, balancers use the next one.
    for (const former of present) await this.#move(secrets, former, 'past');
    if (await this.#move(secrets, next, 'present'))
      logger.info(
        { authority: next.id },
        'the new authority is in use: it certifies every server again, and then the former one is forgotten',
      );
  }

  async #move(secrets: Secrets, { name, revision, own, at }: StoredAuthority, stage: AuthorityStage): Promise<boolean> {
    if (own === undefined) return false;
    const { text, clear } = storedTexts(own, { at, stage, since: this.#parts.clock.date() });
    return secrets.put(name, text, revision, clear);
  }

  /** Ids of servers that lack what the present step gives them. A server that lost its lease and takes no requests holds up nothing. */
  #behind(): string[] {
    const { members, authority, isUp } = this.#parts;
    const behind: string[] = [];
    for (const { record, lost } of members()) {
      if (record.hop?.certificate === undefined) continue;
      // While it cannot reach the registry it does not get its certificate, though the registry has one for it.
      if (lost ? isUp(record.id) : authority.isBehind(record)) behind.push(record.id);
    }
    return behind.sort();
  }

  async #read(): Promise<StoredAuthority[]> {
    return readAuthorities(await this.#known().listPartly(authorityPrefix));
  }

  #known(): Secrets {
    if (this.#secrets !== undefined) return this.#secrets;
    throw new SluiceError('conflict', 'this balancer has no authority: it shares no secrets through its registry, or is still starting');
  }
}
