import type { AcmeSpec } from '../model/acme.ts';
import { type Clock, jittered, type Random, type Timer } from '../model/clock.ts';
import { CoalescedTask } from '../model/coalesced-task.ts';
import { SluiceError } from '../model/fault.ts';
import type { Log } from '../model/log.ts';
import type { Certificate } from '../tls/certificate.ts';
import type { ChallengeAnswers, IssuedCertificates, IssuedState, IssueFailure } from '../tls/issued-certificates.ts';
import { Issuer } from './issuer.ts';
import { KeptNames } from './kept-names.ts';
import type { SecretStore } from './secret-store.ts';
import { temporaryCertificate } from './temporary-certificates.ts';

/** Milliseconds until everything is read again, in case that news was missed. */
const readAgainMs = 300_000;
/** Milliseconds until a registry that could not be reached is asked again. */
const registryRetryMs = 5_000;

export interface AcmeTools {
  readonly store: SecretStore;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Log;
}

/** Certificates by ACME: follows what the registry keeps of them, and orders what is due while no other balancer does. */
export class AcmeCertificates implements IssuedCertificates {
  changed: () => void = () => {};
  readonly #tools: AcmeTools;
  readonly #kept: KeptNames;
  readonly #issuer: Issuer;
  readonly #reading: CoalescedTask;
  readonly #issuing: CoalescedTask;
  readonly #watch: { close(): void };
  readonly #temporary = new Map<string, Certificate>();
  #wanted: ReadonlyMap<string, AcmeSpec> = new Map();
  #readAgain: Timer | undefined;
  /** Why this balancer can order nothing at all. */
  #fault: IssueFailure | undefined;
  /** The failure to read that was last logged. */
  #logged: string | undefined;

  constructor(tools: AcmeTools) {
    this.#tools = tools;
    const { store, clock, logger } = tools;
    this.#kept = new KeptNames(store, logger, () => clock.date());
    this.#issuer = new Issuer({ ...tools, kept: this.#kept, changed: () => this.changed(), again: () => this.#issuing.soon() });
    this.#reading = new CoalescedTask({ clock, run: () => this.#read() });
    this.#issuing = new CoalescedTask({ clock, run: () => this.#issue() });
    this.#watch = store.watch((name) => {
      if (name === undefined || name.startsWith('acme:')) this.#reading.soon();
    });
  }

  load(): Promise<void> {
    return this.#reading.now();
  }

  want(names: ReadonlyMap<string, AcmeSpec>): void {
    this.#wanted = names;
    for (const name of this.#temporary.keys()) if (!names.has(name)) this.#temporary.delete(name);
    if (names.size > 0) this.#issuing.soon();
  }

  find(name: string): Certificate {
    const issued = this.#kept.certificateOf(name);
    if (issued !== undefined) return issued;
    const temporary = this.#temporary.get(name) ?? temporaryCertificate(name, this.#tools.clock.date());
    this.#temporary.set(name, temporary);
    return temporary;
  }

  get answers(): ChallengeAnswers | undefined {
    return this.#kept.answers;
  }

  get states(): readonly IssuedState[] {
    return [...this.#wanted.keys()].map((name) => this.#stateOf(name));
  }

  stateOf(name: string): IssuedState | undefined {
    return this.#wanted.has(name) ? this.#stateOf(name) : undefined;
  }

  #stateOf(name: string): IssuedState {
    const { issued, failure = this.#issuer.faultOf(name) ?? this.#fault } = this.#kept.stateOf(name);
    const certificate = this.#kept.certificateOf(name);
    return {
      name,
      ...(certificate !== undefined && { certificate }),
      ...(issued !== undefined && { renewAt: issued.renewAt }),
      ...(failure !== undefined && { failure }),
    };
  }

  async close(): Promise<void> {
    this.#watch.close();
    this.#readAgain?.cancel();
    this.#reading.stop();
    this.#issuer.stop();
    this.#issuing.stop();
    await this.#issuing.flush();
    await this.#issuer.stopped();
  }

  async #read(): Promise<void> {
    const { clock, random, logger } = this.#tools;
    this.#readAgain?.cancel();
    try {
      if (await this.#kept.readAll()) this.changed();
      this.#logged = undefined;
      this.#readAgain = clock.after(jittered(readAgainMs, random), () => this.#reading.soon());
    } catch (error) {
      const { message } = error as Error;
      if (this.#logged !== message) logger.warn(`certificates by ACME cannot be read: ${message}. Those that were read before stay in use`);
      this.#logged = message;
      this.#readAgain = clock.after(jittered(registryRetryMs, random), () => this.#reading.soon());
    }
  }

  async #issue(): Promise<void> {
    const { logger, random, clock } = this.#tools;
    if (this.#wanted.size === 0) return;
    try {
      this.#issuing.soon(jittered(await this.#issuer.look(this.#wanted), random, 0.05));
      this.#fault = undefined;
    } catch (error) {
      const { message: reason } = error as Error;
      const isAway = error instanceof SluiceError && error.code === 'unavailable';
      const waitMs = jittered(isAway ? registryRetryMs : readAgainMs, random);
      if (this.#fault?.reason !== reason) logger.error({ err: error }, `no certificate is ordered: ${reason}`);
      const at = clock.date();
      this.#fault = { at, attempts: 0, reason, retryAt: at + waitMs };
      this.#issuing.soon(waitMs);
    }
  }
}
