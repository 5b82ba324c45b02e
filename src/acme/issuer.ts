import type { AcmeSpec } from '../model/acme.ts';
import type { Clock, Random } from '../model/clock.ts';
import { SluiceError } from '../model/fault.ts';
import type { Log } from '../model/log.ts';
import type { IssueFailure } from '../tls/issued-certificates.ts';
import { accountName, registerAccount, type StoredAccount, signerOf, storedAccount } from './acme-account.ts';
import { AcmeConnection, json } from './acme-connection.ts';
import { AcmeFailure } from './acme-failure.ts';
import { type Answering, orderCertificate, pause } from './acme-order.ts';
import { IssuerLease } from './issuer-lease.ts';
import { certificateIn, type KeptNames } from './kept-names.ts';
import { afterAnswer, afterFailure, afterIssue, dueOf, type Issued, type NameState } from './name-state.ts';
import { askForRenewal, certificateId } from './renewal-information.ts';
import type { SecretStore } from './secret-store.ts';

/** Milliseconds in which every balancer, and each of its worker processes, learns of a challenge's answer. */
const settleMs = 1_000;
/** Bounds of the milliseconds between two looks at what is due. */
const look = { least: 1_000, most: 300_000 };
/** Most steps of a name in one turn: a certificate, the question for its renewal, and once more if that is due by the answer. */
const mostSteps = 4;
/** Times that a state is written while the registry cannot be reached, and the milliseconds between them. */
const mostTries = 20;
const tryMs = 3_000;

export interface IssuerTools {
  readonly store: SecretStore;
  readonly kept: KeptNames;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Log;
  /** Called when a certificate, or an answer to a challenge, is another one than before. */
  readonly changed: () => void;
}

/** The work of one turn as the only issuer. */
interface Turn {
  readonly signal: AbortSignal;
  /** Connections to authorities, by directory and its own authorities. */
  readonly connections: Map<string, AcmeConnection>;
  /** Failures that hold for every name with the same account. */
  readonly failed: Map<string, AcmeFailure>;
}

/** Orders and renews certificates, while no other balancer on the registry does. */
export class Issuer {
  readonly #tools: IssuerTools;
  readonly #lease: IssuerLease;
  #ends: AbortController | undefined;
  /** Names whose documents this balancer cannot use, or whose attempt ended unexpectedly. */
  readonly #unreadable = new Map<string, IssueFailure>();
  #stopped = false;

  constructor(tools: IssuerTools) {
    this.#tools = tools;
    this.#lease = new IssuerLease(tools.store, tools.clock);
  }

  /** Does everything that is due. Resolves with the milliseconds until something else is. */
  async run(wanted: ReadonlyMap<string, AcmeSpec>): Promise<number> {
    const { clock } = this.#tools;
    const earliest = () => [...wanted].reduce((least, [name, spec]) => Math.min(least, this.#dueAt(name, spec)), Number.POSITIVE_INFINITY);
    if (!this.#stopped && earliest() <= clock.date()) {
      const ends = new AbortController();
      const lease = await this.#lease.take(() => ends.abort());
      if ('waitMs' in lease) return lease.waitMs;
      this.#ends = ends;
      try {
        if (!this.#stopped) await this.#workOff(wanted, ends.signal);
      } finally {
        this.#ends = undefined;
        await lease.release();
      }
    }
    return Math.min(Math.max(earliest() - clock.date(), look.least), look.most);
  }

  /** Why this balancer cannot use what the registry keeps of a name; undefined: it can, as far as it knows. */
  faultOf(name: string): IssueFailure | undefined {
    return this.#unreadable.get(name);
  }

  /** Ends what is under way. */
  stop(): void {
    this.#stopped = true;
    this.#ends?.abort();
  }

  async #workOff(wanted: ReadonlyMap<string, AcmeSpec>, signal: AbortSignal): Promise<void> {
    const { kept, clock } = this.#tools;
    const turn: Turn = { signal, connections: new Map(), failed: new Map() };
    try {
      // An issuer that was killed leaves its own.
      await kept.challenge([]);
      for (const [name, spec] of wanted) {
        if (signal.aborted) return;
        if (this.#dueAt(name, spec) <= clock.date()) await this.#tryAdvance(turn, name, spec);
      }
      await this.#forgetOthers(wanted);
    } finally {
      for (const connection of turn.connections.values()) connection.close();
    }
  }

  async #tryAdvance(turn: Turn, name: string, spec: AcmeSpec): Promise<void> {
    try {
      await this.#advance(turn, name, spec);
      this.#unreadable.delete(name);
    } catch (error) {
      if (turn.signal.aborted || (error instanceof SluiceError && error.code === 'unavailable')) throw error;
      // Only this balancer, or this name: nothing is noted in the registry, where others may read it.
      const { message: reason } = error as Error;
      const about = error instanceof SluiceError ? { name } : { name, err: error };
      if (this.#unreadable.get(name)?.reason !== reason) this.#tools.logger.error(about, `no certificate is ordered: ${reason}`);
      const at = this.#tools.clock.date();
      this.#unreadable.set(name, { at, attempts: 1, reason, retryAt: at + look.most });
    }
  }

  #dueAt(name: string, spec: AcmeSpec): number {
    return Math.max(dueOf(this.#tools.kept.stateOf(name), spec).at, this.#unreadable.get(name)?.retryAt ?? 0);
  }

  /** Takes the steps that are due for a name, by what the registry keeps of it now: another balancer may have taken them already. */
  async #advance(turn: Turn, name: string, spec: AcmeSpec): Promise<void> {
    const { kept, clock, changed } = this.#tools;
    for (let steps = 0; steps < mostSteps && !turn.signal.aborted; steps++) {
      const { state, revision } = await kept.read(name);
      const { step, at } = dueOf(state, spec);
      if (at > clock.date()) break;
      const { issued } = state;
      const next =
        step === 'ask' && issued !== undefined ? await this.#ask(turn, spec, state, issued) : await this.#issue(turn, name, spec, state);
      if (next === undefined) break;
      await this.#keep(turn, name, next, revision);
    }
    changed();
  }

  /** Keeps a state, for some time even while the registry cannot be reached: an issued certificate must not be lost. */
  async #keep({ signal }: Turn, name: string, state: NameState, revision: number): Promise<void> {
    const { kept, clock } = this.#tools;
    for (let expect = revision, tries = 1; ; tries++) {
      try {
        if (await kept.write(name, state, expect)) return;
        expect = (await kept.read(name)).revision;
      } catch (error) {
        if (tries === mostTries) throw error;
        await pause(clock, tryMs, signal);
      }
    }
  }

  async #ask(turn: Turn, spec: AcmeSpec, state: NameState, issued: Issued): Promise<NameState> {
    const { clock, random } = this.#tools;
    const { window, askAt } = await askForRenewal(this.#connection(turn, spec), issued.chain).catch((error: unknown) => {
      // The date stays; if the authority is away when the renewal itself is due, that is reported.
      if (error instanceof AcmeFailure) return { window: undefined, askAt: error.retryAt };
      throw error;
    });
    return { ...state, issued: afterAnswer(issued, window, askAt, clock.date(), random) };
  }

  /** Resolves with the state after the attempt; undefined: the attempt was broken off. */
  async #issue(turn: Turn, name: string, spec: AcmeSpec, state: NameState): Promise<NameState | undefined> {
    const { clock, random, logger } = this.#tools;
    const account = accountName(spec);
    try {
      const known = turn.failed.get(account);
      if (known !== undefined) throw known;
      const pair = await this.#order(turn, name, spec, state);
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
      if (turn.signal.aborted) return undefined;
      if (!(error instanceof AcmeFailure)) throw error;
      const repeated = turn.failed.has(account);
      if (error.general) turn.failed.set(account, error);
      const next = afterFailure(state, error, spec, clock.date(), random);
      if (!repeated) this.#logFailure(name, spec, next);
      return next;
    }
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

  async #order(turn: Turn, name: string, spec: AcmeSpec, { issued }: NameState): Promise<{ chain: string; key: string }> {
    const { clock, kept, changed } = this.#tools;
    const connection = this.#connection(turn, spec);
    const answering: Answering = {
      present: async (answer) => {
        await kept.challenge([answer]);
        changed();
        await pause(clock, settleMs, turn.signal);
      },
      withdraw: async () => {
        await kept.challenge([]);
        changed();
      },
    };
    const { renewalInfo } = await connection.directory();
    const replaces = renewalInfo !== undefined && issued?.directory === spec.directory ? certificateId(issued.chain) : undefined;
    for (let again = false; ; again = true) {
      const account = await this.#account(connection, spec);
      try {
        const tools = { connection, account: signerOf(account), answering, clock, signal: turn.signal };
        return await orderCertificate(tools, name, spec.challenge, replaces);
      } catch (error) {
        if (again || !(error instanceof AcmeFailure) || error.type !== 'accountDoesNotExist') throw error;
        await this.#forgetAccount(spec);
      }
    }
  }

  async #account(connection: AcmeConnection, spec: AcmeSpec): Promise<StoredAccount> {
    const { store, logger } = this.#tools;
    const name = accountName(spec);
    const kept = await store.get(name);
    const { data } = storedAccount.safeParse(kept === undefined ? undefined : json(kept.text));
    if (data !== undefined) return data;
    const account = await registerAccount(connection, spec);
    logger.info({ directory: spec.directory, account: account.url }, 'account registered at the authority of certificates');
    await store.put(name, JSON.stringify(account), kept?.revision ?? 0);
    return account;
  }

  async #forgetAccount(spec: AcmeSpec): Promise<void> {
    const { store } = this.#tools;
    const name = accountName(spec);
    const kept = await store.get(name);
    if (kept !== undefined) await store.remove(name, kept.revision);
  }

  /** Removes names that no environment has any more, once their certificates have expired. */
  async #forgetOthers(wanted: ReadonlyMap<string, AcmeSpec>): Promise<void> {
    const { kept, clock } = this.#tools;
    for (const name of [...kept.names]) {
      if (wanted.has(name) || (kept.stateOf(name).issued?.until ?? 0) > clock.date()) continue;
      const { revision } = await kept.read(name);
      await kept.forget(name, revision);
    }
  }

  #connection({ connections, signal }: Turn, { directory, ca }: AcmeSpec): AcmeConnection {
    const key = `${directory} ${ca}`;
    const present = connections.get(key);
    if (present !== undefined) return present;
    const made = new AcmeConnection({ url: directory, ca }, this.#tools.clock, signal);
    connections.set(key, made);
    return made;
  }
}
