import { type KeyObject, randomUUID, type X509Certificate } from 'node:crypto';
import * as z from 'zod';
import { Authority } from '../certificates/authority.ts';
import {
  balancerUri,
  type HopMember,
  makeKeyPair,
  nameCertificate,
  readKey,
  refuseServer,
  serverUri,
} from '../certificates/hop-certificates.ts';
import type { Clock } from '../model/clock.ts';
import { CoalescedTask } from '../model/coalesced-task.ts';
import { SluiceError } from '../model/fault.ts';
import type { HopCertificate } from '../model/hop.ts';
import type { Log } from '../model/log.ts';
import type { ServerRecord } from '../model/server.ts';
import type { Certifier, Watch } from '../registry/contract.ts';
import type { Secrets } from '../registry/secrets/secrets.ts';

/** Name of the secret that has the registry's authorities. */
const secretName = 'hop';
const hour = 3_600_000;
/** Lengths of certificates in milliseconds. Each is renewed when a third has passed, so that an outage of the registry has two thirds of it. */
const lifetimes = { server: 24 * hour, balancer: 7 * 24 * hour };
const retryMs = 1000;
/** Milliseconds between two readings of the secret, which make up for lost news. */
const refreshMs = 60_000;

/** The first authority issues certificates. Certificates of the others are accepted: they were issued before the first one took over, or will be. */
const secret = z.object({
  authorities: z
    .array(z.object({ certificate: z.string(), privateKey: z.string() }))
    .min(1)
    .max(4),
});

/** Key and certificate by which a balancer proves to servers that it is one, and the authorities of their certificates. All PEM. */
export interface BalancerCredentials {
  readonly key: string;
  readonly certificate: string;
  readonly authorities: readonly string[];
  /** Last date of the certificate, in milliseconds since 1970. */
  readonly until: number;
}

/**
 * This balancer's part of the authority that all balancers on a registry share: it certifies servers, itself, and checks the certificates of
 * servers. The authority's key is a secret of the registry. Once it was read, nothing here needs the registry.
 */
export class HopAuthority implements Certifier {
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #uri = balancerUri(randomUUID());
  readonly #keys = makeKeyPair();
  readonly #listeners = new Set<() => void>();
  readonly #loads: CoalescedTask;
  #secrets: Secrets | undefined;
  #watch: Watch | undefined;
  #authorities: readonly Authority[] = [];
  #credentials: BalancerCredentials | undefined;

  constructor(parts: { clock: Clock; logger: Log }) {
    this.#clock = parts.clock;
    this.#log = parts.logger;
    this.#loads = new CoalescedTask({ clock: parts.clock, run: () => this.#load() });
  }

  /** Undefined: this balancer has no authority. Then it can reach no server that answers TLS only. */
  get credentials(): BalancerCredentials | undefined {
    return this.#credentials;
  }

  /** Reads the authority, or makes the registry's first one; follows its changes. Never rejects: what fails is logged and tried again. */
  async start(secrets: Secrets): Promise<void> {
    this.#secrets = secrets;
    this.#watch = secrets.watch((name) => {
      if (name === undefined || name === secretName) this.#loads.soon();
    });
    await this.#loads.now();
  }

  /** Resolves when the latest change that was heard of is taken over. */
  loaded(): Promise<void> {
    return this.#loads.flush();
  }

  stop(): void {
    this.#watch?.close();
    this.#loads.stop();
  }

  /** Calls `listener` when the credentials have changed. */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Says why a certificate is not the one of `member`, as {@link refuseServer}. */
  verify(peer: X509Certificate | undefined, member: HopMember): string | undefined {
    return refuseServer(
      peer,
      member,
      this.#authorities.map(({ x509 }) => x509),
    );
  }

  /** True if {@link certify} would make a certificate for a server. */
  isDue({ hop }: Pick<ServerRecord, 'hop'>): boolean {
    if (hop === undefined || this.#authorities.length === 0) return false;
    const { certificate } = hop;
    if (certificate === undefined || certificate.authorities !== this.#name) return true;
    return certificate.until - this.#clock.date() < (lifetimes.server * 2) / 3;
  }

  certify(record: ServerRecord): HopCertificate | undefined {
    const { id, environment, hop } = record;
    const [authority] = this.#authorities;
    if (hop === undefined || authority === undefined || !this.isDue(record)) return undefined;
    const now = this.#clock.date();
    const until = now + lifetimes.server;
    const pem = authority.issue({ uri: serverUri(environment, id), publicKey: keyOf(hop.key), purpose: 'server', now, until });
    return { id: nameCertificate(pem), authorities: this.#name, pem: [pem, ...this.#certificates].join(''), until };
  }

  get #name(): string {
    return nameOf(this.#authorities);
  }

  get #certificates(): string[] {
    return this.#authorities.map(({ certificate }) => certificate);
  }

  async #load(): Promise<void> {
    try {
      const authorities = await this.#read();
      const isNew = nameOf(authorities) !== this.#name;
      if (isNew) this.#authorities = authorities;
      if (isNew || this.#mustRenew) this.#certifySelf();
      this.#loads.soon(refreshMs);
    } catch (error) {
      if (!(error instanceof SluiceError)) throw error;
      // Secrets that cannot be opened were logged, with the remedy.
      if (error.code === 'unavailable') this.#log.debug({ err: error }, 'the authority of the registry cannot be read; trying again');
      if (this.#mustRenew) this.#certifySelf();
      this.#loads.postpone(error.code === 'unavailable' ? retryMs : refreshMs);
    }
  }

  get #mustRenew(): boolean {
    return this.#credentials !== undefined && this.#credentials.until - this.#clock.date() < (lifetimes.balancer * 2) / 3;
  }

  /** Reads the authorities; makes one if the registry has none, or writes back those that it has lost. */
  async #read(): Promise<readonly Authority[]> {
    const secrets = this.#secrets as Secrets;
    for (;;) {
      const stored = await secrets.get(secretName);
      if (stored !== undefined) return this.#parse(stored.text);
      const authorities = this.#authorities.length > 0 ? this.#authorities : [Authority.make(this.#clock.date())];
      const text = JSON.stringify({ authorities: authorities.map(({ certificate, privateKey }) => ({ certificate, privateKey })) });
      if (await secrets.put(secretName, text, 0)) {
        this.#log.info({ authority: authorities[0]?.id }, 'the registry has an authority for the certificates of its servers');
        return authorities;
      }
    }
  }

  #parse(text: string): readonly Authority[] {
    try {
      const { authorities } = secret.parse(JSON.parse(text));
      return authorities.map((authority) => Authority.read(authority));
    } catch (error) {
      this.#log.error(
        { err: error },
        'the authority of the registry is damaged: remove the secret "hop", so that balancers make another one',
      );
      throw new SluiceError('internal', 'the authority of the registry is damaged');
    }
  }

  #certifySelf(): void {
    const [authority] = this.#authorities;
    if (authority === undefined) return;
    const now = this.#clock.date();
    const until = now + lifetimes.balancer;
    const { publicKey, privateKey } = this.#keys;
    const certificate = authority.issue({ uri: this.#uri, publicKey, purpose: 'client', now, until });
    this.#credentials = { key: pemOf(privateKey), certificate, authorities: this.#certificates, until };
    for (const listener of this.#listeners) listener();
  }
}

function nameOf(authorities: readonly Authority[]): string {
  return authorities.map(({ id }) => id).join('.');
}

function pemOf(key: KeyObject): string {
  return key.export({ type: 'pkcs8', format: 'pem' }) as string;
}

function keyOf(base64: string): KeyObject {
  try {
    return readKey(base64);
  } catch (cause) {
    throw new SluiceError('invalid', 'hop.key is not a point of the curve P-256: remove hop.key from the data folder of the server', {
      cause,
    });
  }
}
