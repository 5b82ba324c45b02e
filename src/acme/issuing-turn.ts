import type { AcmeSpec } from '../model/acme.ts';
import type { Clock, Random } from '../model/clock.ts';
import type { Log } from '../model/log.ts';
import { Accounts, accountName, signerOf } from './acme-account.ts';
import { AcmeConnection } from './acme-connection.ts';
import { AcmeFailure } from './acme-failure.ts';
import { type Answering, type ChallengeAnswer, type IssuedPair, orderCertificate, pause } from './acme-order.ts';
import { certificateIn, type KeptNames } from './kept-names.ts';
import { afterAnswer, afterFailure, afterIssue, dueOf, type Issued, type NameState } from './name-state.ts';
import { askForRenewal, certificateId } from './renewal-information.ts';
import type { SecretStore } from './secret-store.ts';

/** Milliseconds in which every balancer, and each of its worker processes, learns of a challenge's answer. */
const settleMs = 1_000;
/** Most steps of a name in one go: a certificate, the question for its renewal, and once more if that is due by the answer. */
const mostSteps = 4;
/** Times that a state is written while the registry cannot be reached, and the milliseconds between them. */
const mostTries = 20;
const tryMs = 3_000;
/** Milliseconds for which a failure of an account, or of its authority, holds for every name with that account. */
const failedMs = 30_000;
/** Most names under way: of one authority, so that it is not flooded, and in all. */
const mostOfAuthority = 8;
const mostInAll = 32;

export interface TurnTools {
  readonly store: SecretStore;
  readonly kept: KeptNames;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Log;
  /** Called when a certificate, or an answer to a challenge, is another one than before. */
  readonly changed: () => void;
}

/** A turn as the only balancer that orders: names are worked on side by side, so that a slow one holds up no other. */
export class IssuingTurn {
  readonly #tools: TurnTools;
  readonly #ends = new AbortController();
  /** Names under way, each with its authority. */
  readonly #underWay = new Map<string, string>();
  /** Connections to authorities, by directory and its own authorities. */
  readonly #connections = new Map<string, AcmeConnection>();
  readonly #accounts: Accounts;
  /** Failures that hold for every name with the same account. */
  readonly #failed = new Map<string, { readonly failure: AcmeFailure; readonly until: number }>();
  readonly #challenges = new Set<ChallengeAnswer>();

  constructor(tools: TurnTools) {
    this.#tools = tools;
    this.#accounts = new Accounts(tools.store, tools.logger);
  }

  /** True once the turn is broken off: nothing begins any more. */
  get ended(): boolean {
    return this.#ends.signal.aborted;
  }

  /** True while no name is under way. */
  get idle(): boolean {
    return this.#underWay.size === 0;
  }

  isUnderWay(name: string): boolean {
    return this.#underWay.has(name);
  }

  /** True if another name may begin. */
  hasRoom(spec: AcmeSpec): boolean {
    if (this.#underWay.size >= mostInAll) return false;
    const authority = authorityOf(spec);
    return [...this.#underWay.values()].filter((other) => other === authority).length < mostOfAuthority;
  }

  /** Removes the answers that an issuer which was killed has left. */
  clear(): Promise<void> {
    return this.#tools.kept.challenge(() => [...this.#challenges]);
  }

  /**
   * Takes the steps that are due for a name, by what the registry keeps of it now: another balancer may have taken them already. Rejects for
   * reasons other than the authority's.
   */
  async advance(name: string, spec: AcmeSpec): Promise<void> {
    this.#underWay.set(name, authorityOf(spec));
    try {
      await this.#advance(name, spec);
    } finally {
      this.#underWay.delete(name);
    }
  }

  /** Breaks off what is under way. */
  abort(): void {
    this.#ends.abort();
  }

  close(): void {
    for (const connection of this.#connections.values()) connection.close();
  }

  async #advance(name: string, spec: AcmeSpec): Promise<void> {
    const { kept, clock, changed } = this.#tools;
    for (let steps = 0; steps < mostSteps && !this.ended; steps++) {
      const { state, revision } = await kept.read(name);
      const { step, at } = dueOf(state, spec);
      if (at > clock.date()) break;
      const { issued } = state;
      const next = step === 'ask' && issued !== undefined ? await this.#ask(spec, state, issued) : await this.#issue(name, spec, state);
      if (next === undefined) break;
      await this.#keep(name, next, revision);
    }
    changed();
  }

  /** Keeps a state, for some time even while the registry cannot be reached: an issued certificate must not be lost. */
  async #keep(name: string, state: NameState, revision: number): Promise<void> {
    const { kept, clock } = this.#tools;
    for (let expect = revision, tries = 1; ; tries++) {
      try {
        if (await kept.write(name, state, expect)) return;
        expect = (await kept.read(name)).revision;
      } catch (error) {
        if (tries === mostTries) throw error;
        await pause(clock, tryMs, this.#ends.signal);
      }
    }
  }

  async #ask(spec: AcmeSpec, state: NameState, issued: Issued): Promise<NameState> {
    const { clock, random } = this.#tools;
    const { window, askAt } = await askForRenewal(this.#connection(spec), issued.chain).catch((error: unknown) => {
      // The date stays; if the authority is away when the renewal itself is due, that is reported.
      if (error instanceof AcmeFailure) return { window: undefined, askAt: error.retryAt };
      throw error;
    });
    return { ...state, issued: afterAnswer(issued, window, askAt, clock.date(), random) };
  }

  /** Resolves with the state after the attempt; undefined: the attempt was broken off. */
  async #issue(name: string, spec: AcmeSpec, state: NameState): Promise<NameState | undefined> {
    const { clock, random, logger } = this.#tools;
    const account = accountName(spec);
    try {
      const known = this.#failureOf(account);
      if (known !== undefined) throw known;
      const pair = await this.#order(name, spec, state);
      const certificate = certificateIn(pair, name);
      if (certificate === undefined)
        throw new AcmeFailure(
          'the authority sent a certificate with a broken chain, or one that is not for this name and key: the next attempt comes by itself',
        );
      const dates = { from: certificate.notBefore, until: certificate.notAfter };
      const next = afterIssue({ directory: spec.directory, ...pair, ...dates }, clock.date(), random);
      logger.info(
        { name, directory: spec.directory, until: new Date(dates.until).toISOString() },
        'certificate issued: new connections get it',
      );
      return next;
    } catch (error) {
      if (this.ended) return undefined;
      if (!(error instanceof AcmeFailure)) throw error;
      const isRepeated = this.#failureOf(account) !== undefined;
      if (error.general && !isRepeated) this.#failed.set(account, { failure: error, until: clock.now() + failedMs });
      const next = afterFailure(state, error, spec, clock.date(), random);
      if (!isRepeated || !error.general) this.#logFailure(name, spec, next);
      return next;
    }
  }

  #failureOf(account: string): AcmeFailure | undefined {
    const { failure, until = 0 } = this.#failed.get(account) ?? {};
    if (until > this.#tools.clock.now()) return failure;
    this.#failed.delete(account);
    return undefined;
  }

  #logFailure(name: string, { directory }: AcmeSpec, { issued, failure }: NameState): void {
    if (failure === undefined) return;
    const present =
      issued === undefined ? 'a self-signed one answers meanwhile' : `the present one stays until ${new Date(issued.until).toISOString()}`;
    const about = { name, directory, attempts: failure.attempts, retryAt: new Date(failure.retryAt).toISOString() };
    const message = `no new certificate for ${name}: ${failure.reason}; ${present}`;
    if (issued === undefined) this.#tools.logger.error(about, message);
    else this.#tools.logger.warn(about, message);
  }

  async #order(name: string, spec: AcmeSpec, { issued }: NameState): Promise<IssuedPair> {
    const { clock } = this.#tools;
    const { signal } = this.#ends;
    const connection = this.#connection(spec);
    const { renewalInfo } = await connection.directory();
    const replaces = renewalInfo !== undefined && issued?.directory === spec.directory ? certificateId(issued.chain) : undefined;
    for (let again = false; ; again = true) {
      const account = await this.#accounts.of(connection, spec);
      try {
        const tools = { connection, account: signerOf(account), answering: this.#answering, clock, signal };
        return await orderCertificate(tools, name, spec.challenge, replaces);
      } catch (error) {
        if (again || !(error instanceof AcmeFailure) || error.type !== 'accountDoesNotExist') throw error;
        await this.#accounts.forget(spec, account);
      }
    }
  }

  readonly #answering: Answering = {
    present: async (answer) => {
      this.#challenges.add(answer);
      await this.#publish();
      await pause(this.#tools.clock, settleMs, this.#ends.signal);
    },
    withdraw: async (answer) => {
      this.#challenges.delete(answer);
      await this.#publish();
    },
  };

  async #publish(): Promise<void> {
    const { kept, changed } = this.#tools;
    await kept.challenge(() => [...this.#challenges]);
    changed();
  }

  #connection(spec: AcmeSpec): AcmeConnection {
    const { directory, ca } = spec;
    const authority = authorityOf(spec);
    const present = this.#connections.get(authority);
    if (present !== undefined) return present;
    const made = new AcmeConnection({ url: directory, ca }, this.#tools.clock, this.#ends.signal);
    this.#connections.set(authority, made);
    return made;
  }
}

function authorityOf({ directory, ca }: AcmeSpec): string {
  return `${directory} ${ca}`;
}
