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
import type { Clock, Timer } from '../model/clock.ts';
import { SluiceError } from '../model/fault.ts';
import type { HopCertificate } from '../model/hop.ts';
import type { Log } from '../model/log.ts';
import type { ServerRecord } from '../model/server.ts';
import type { Certifier } from '../registry/contract.ts';
import { FollowedSecret } from '../registry/secrets/followed-secret.ts';
import type { Secrets } from '../registry/secrets/secrets.ts';

/** Name of the secret that has the registry's authorities. */
const secretName = 'hop';
const hour = 3_600_000;
/** Lengths of certificates in milliseconds. Each is renewed when a third has passed, so that an outage of the registry has two thirds of it. */
const lifetimes = { server: 24 * hour, balancer: 7 * 24 * hour };
/** Milliseconds by which the clock of a server may be behind this one. Only servers check dates, those of balancers. */
const clockTolerance = 24 * hour;

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
  readonly #secret: FollowedSecret;
  #renewal: Timer | undefined;
  #authorities: readonly Authority[] = [];
  #credentials: BalancerCredentials | undefined;

  constructor(parts: { clock: Clock; logger: Log }) {
    this.#clock = parts.clock;
    this.#log = parts.logger;
    const follower = { name: secretName, replace: this.#replace.bind(this), adopt: this.#adopt.bind(this) };
    this.#secret = new FollowedSecret({ ...parts, follower });
  }

  /** Undefined: this balancer has no authority. Then it can reach no server that answers TLS only. */
  get credentials(): BalancerCredentials | undefined {
    return this.#credentials;
  }

  /** Reads the authority, or makes the registry's first one; follows its changes. Never rejects: what fails is logged and tried again. */
  start(secrets: Secrets): Promise<void> {
    this.#renewLater();
    return this.#secret.start(secrets);
  }

  /** Resolves when the latest change of the authority that was heard of is taken over. */
  loaded(): Promise<void> {
    return this.#secret.loaded();
  }

  stop(): void {
    this.#secret.stop();
    this.#renewal?.cancel();
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
    const pem = authority.issue({ uri: serverUri(environment, id), publicKey: keyOf(hop.key), purpose: 'server', from: now, until });
    return { id: nameCertificate(pem), authorities: this.#name, pem: [pem, ...this.#certificates].join(''), until };
  }

  get #name(): string {
    return nameOf(this.#authorities);
  }

  get #certificates(): string[] {
    return this.#authorities.map(({ certificate }) => certificate);
  }

  #renewLater(): void {
    this.#renewal = this.#clock.after(hour, () => {
      const { until = Number.POSITIVE_INFINITY } = this.#credentials ?? {};
      if (until - this.#clock.date() < (lifetimes.balancer * 2) / 3) this.#certifySelf();
      this.#renewLater();
    });
  }

  /** Makes an authority if the registry has none, or writes back the one that the registry has lost. */
  #replace(stored: string | undefined): string | undefined {
    if (stored !== undefined) return undefined;
    const authorities = this.#authorities.length > 0 ? this.#authorities : [Authority.make(this.#clock.date())];
    return JSON.stringify({ authorities: authorities.map(({ certificate, privateKey }) => ({ certificate, privateKey })) });
  }

  #adopt(text: string): void {
    const authorities = this.#parse(text);
    if (nameOf(authorities) === this.#name) return;
    this.#authorities = authorities;
    this.#log.info({ authority: authorities[0]?.id }, 'servers of this registry have certificates of this authority');
    this.#certifySelf();
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
    const certificate = authority.issue({ uri: this.#uri, publicKey, purpose: 'client', from: now - clockTolerance, until });
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
