import type { AcmeSpec } from '../model/acme.ts';
import type { Clock } from '../model/clock.ts';
import type { Log } from '../model/log.ts';
import type { Certificate } from '../tls/certificate.ts';
import type { IssuedCertificates, IssuedState } from '../tls/issued-certificates.ts';
import { temporaryCertificate } from './temporary-certificates.ts';

const reason =
  'this balancer has no secrets of a registry, in which certificates and accounts are kept: use a registry of its own or in Redis, and a data folder that it can write to';

/** Self-signed certificates, of a balancer that has no place to keep certificates of authorities. */
export class SelfSignedCertificates implements IssuedCertificates {
  changed: () => void = () => {};
  readonly answers = undefined;
  readonly #clock: Clock;
  readonly #logger: Log;
  readonly #made = new Map<string, Certificate>();
  #names: ReadonlySet<string> = new Set();

  constructor(clock: Clock, logger: Log) {
    this.#clock = clock;
    this.#logger = logger;
  }

  async load(): Promise<void> {}

  want(names: ReadonlyMap<string, AcmeSpec>): void {
    if (names.size > 0 && this.#names.size === 0) this.#logger.error(`no certificate is ordered: ${reason}`);
    this.#names = new Set(names.keys());
    for (const name of this.#made.keys()) if (!names.has(name)) this.#made.delete(name);
  }

  find(name: string): Certificate {
    const made = this.#made.get(name) ?? temporaryCertificate(name, this.#clock.date());
    this.#made.set(name, made);
    return made;
  }

  get states(): readonly IssuedState[] {
    return [...this.#names].map((name) => this.#stateOf(name));
  }

  stateOf(name: string): IssuedState | undefined {
    return this.#names.has(name) ? this.#stateOf(name) : undefined;
  }

  async close(): Promise<void> {}

  #stateOf(name: string): IssuedState {
    const now = this.#clock.date();
    return { name, failure: { at: now, attempts: 0, reason, retryAt: now } };
  }
}
