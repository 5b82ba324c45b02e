import { randomUUID, type X509Certificate } from 'node:crypto';
import { Authority } from '../certificates/authority.ts';
import { balancerUri, type HopMember, nameCertificate, refuseServer, serverUri } from '../certificates/hop-certificates.ts';
import { makeKeyPair, privatePem } from '../certificates/key-pair.ts';
import type { Clock, Timer } from '../model/clock.ts';
import { SluiceError } from '../model/fault.ts';
import type { HopCertificate } from '../model/hop.ts';
import type { Log } from '../model/log.ts';
import type { ServerRecord } from '../model/server.ts';
import type { Certifier } from '../registry/contract.ts';
import { SecretFollower } from '../registry/secrets/secret-follower.ts';
import type { Secrets } from '../registry/secrets/secrets.ts';
import { AcceptedAuthorities, authorityInUse, authorityPrefix, readAuthorities, storedTexts } from './accepted-authorities.ts';

const hour = 3_600_000;
/** Lengths of certificates in milliseconds. Each is renewed when a third has passed, so that an outage of the registry has two thirds of it. */
const usual = { server: 24 * hour, balancer: 7 * 24 * hour };
/** Milliseconds after which a balancer notes again that it uses its authority, and after which one that nobody uses is removed. */
const notedMs = hour / 2;
const abandonedMs = 6 * hour;
const attempts = 5;
/** Milliseconds by which the clock of a server may be behind this one. Only servers check dates, those of balancers. */
const clockTolerance = 24 * hour;

/** Key and certificate by which a balancer proves to servers that it is one, and the authorities of their certificates. All PEM. */
export interface BalancerCredentials {
  readonly key: string;
  readonly certificate: string;
  readonly authorities: readonly string[];
  /** Last date of the certificate, in milliseconds since 1970. */
  readonly until: number;
}

/**
 * This balancer's authority: it certifies servers, itself, and checks the certificates of servers. Its key is a secret of the registry, so that the
 * balancers that have the same key for secrets have one authority together. Any other balancer has its own; each accepts the authorities of all, and
 * every server gets all of them with its certificate. Once they were read, nothing here needs the registry.
 */
export class HopAuthority implements Certifier {
  readonly #clock: Clock;
  readonly #lifetimes: typeof usual;
  readonly #log: Log;
  readonly #uri = balancerUri(randomUUID());
  readonly #keys = makeKeyPair();
  readonly #listeners = new Set<() => void>();
  readonly #follower: SecretFollower;
  #renewal: Timer | undefined;
  #own: Authority | undefined;
  #accepted = new AcceptedAuthorities([]);
  #credentials: BalancerCredentials | undefined;
  #isNew = false;

  /** @param lifetimes lengths of certificates in milliseconds; tests have shorter ones */
  constructor(parts: { clock: Clock; logger: Log; lifetimes?: { readonly server: number; readonly balancer: number } }) {
    this.#lifetimes = parts.lifetimes ?? usual;
    this.#clock = parts.clock;
    this.#log = parts.logger;
    this.#follower = new SecretFollower({ ...parts, prefix: authorityPrefix, load: (secrets) => this.#load(secrets) });
  }

  /** Undefined: this balancer has no authority. Then it can reach no server that answers TLS only. */
  get credentials(): BalancerCredentials | undefined {
    return this.#credentials;
  }

  /** True if this balancer made its authority, and the registry has others already: servers that joined before do not know it. */
  get isNew(): boolean {
    return this.#isNew;
  }

  /** Reads the authorities, or makes one, and follows their changes. Never rejects: what fails is logged and tried again. */
  start(secrets: Secrets): Promise<void> {
    this.#renewLater();
    return this.#follower.start(secrets);
  }

  /** Resolves when the latest change of authorities that was heard of is taken over. */
  loaded(): Promise<void> {
    return this.#follower.loaded();
  }

  stop(): void {
    this.#follower.stop();
    this.#renewal?.cancel();
  }

  /** Calls `listener` when the credentials have changed. */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Says why a certificate is not the one of `member`, as {@link refuseServer}. */
  verify(peer: X509Certificate | undefined, member: HopMember): string | undefined {
    return refuseServer(peer, member, this.#accepted.x509);
  }

  /** True if {@link certify} would make a certificate for a server. */
  isDue(record: Pick<ServerRecord, 'hop'>): boolean {
    const { hop } = record;
    if (hop === undefined || this.#own === undefined) return false;
    if (hop.certificate === undefined || this.isBehind(record)) return true;
    return hop.certificate.until - this.#clock.date() < (this.#lifetimes.server * 2) / 3;
  }

  /** True for a server whose certificate does not come with all authorities, or is one of an authority that is being replaced. */
  isBehind({ hop }: Pick<ServerRecord, 'hop'>): boolean {
    const { certificate } = hop ?? {};
    if (certificate === undefined) return false;
    return certificate.authorities !== this.#accepted.name || this.#accepted.mayBePast(certificate.issuer);
  }

  /** True while an authority is being replaced. */
  get rotating(): boolean {
    return this.#accepted.rotating;
  }

  certify(record: ServerRecord): HopCertificate | undefined {
    const { id, environment, hop } = record;
    if (hop === undefined || this.#own === undefined || !this.isDue(record)) return undefined;
    const now = this.#clock.date();
    const until = now + this.#lifetimes.server;
    const pem = this.#own.issue({
      uri: serverUri(environment, id),
      publicKey: Buffer.from(hop.key, 'base64'),
      purpose: 'server',
      from: now,
      until,
    });
    const { name, certificates } = this.#accepted;
    return { id: nameCertificate(pem), authorities: name, issuer: this.#own.id, pem: [pem, ...certificates].join(''), until };
  }

  #renewLater(): void {
    this.#renewal = this.#clock.after(Math.min(hour, this.#lifetimes.balancer / 12), () => {
      const { until = Number.POSITIVE_INFINITY } = this.#credentials ?? {};
      if (until - this.#clock.date() < (this.#lifetimes.balancer * 2) / 3) this.#certifySelf();
      this.#renewLater();
    });
  }

  /**
   * Reads the authorities. Stores the one of this balancer if the registry does not have it, or has lost it, and notes from time to time that it is in
   * use; removes those that no balancer uses any more.
   */
  async #load(secrets: Secrets): Promise<void> {
    for (let attempt = 0; attempt < attempts; attempt++) {
      const stored = await secrets.listPartly(authorityPrefix);
      const accepted = readAuthorities(stored);
      const present = authorityInUse(accepted, this.#own?.id);
      const now = this.#clock.date();
      // First of all, since the registry may be readable while it refuses writes.
      if (present?.own !== undefined) this.#adopt(present.own, new AcceptedAuthorities(accepted));
      if (present?.own !== undefined && now - present.at < notedMs) {
        for (const { name, revision, at } of accepted) if (now - at > abandonedMs) await secrets.remove(name, revision);
        return;
      }
      const own = present?.own ?? this.#own ?? this.#make(accepted.length > 0, now);
      const name = present?.name ?? `${authorityPrefix}${secrets.keyId}`;
      const { stage, since } = present ?? {};
      const { text, clear } = storedTexts(own, { at: now, ...(stage && { stage }), ...(since !== undefined && { since }) });
      // Another balancer may have been first. Either way they are read again.
      await secrets.put(name, text, stored.find((one) => one.name === name)?.revision ?? 0, clear);
    }
    throw new SluiceError('conflict', 'more balancers with different keys than authorities that are accepted');
  }

  #make(isNew: boolean, now: number): Authority {
    this.#isNew = isNew;
    return Authority.make(now);
  }

  #adopt(own: Authority, accepted: AcceptedAuthorities): void {
    const before = `${this.#own?.id} ${this.#accepted.name}`;
    this.#own = own;
    this.#accepted = accepted;
    if (`${own.id} ${accepted.name}` === before) return;
    this.#log.info(
      { authority: own.id, accepted: accepted.certificates.length },
      'this balancer certifies servers for the connections to them',
    );
    this.#certifySelf();
  }

  /** Issues this balancer's own certificate. */
  #certifySelf(): void {
    if (this.#own === undefined) return;
    const now = this.#clock.date();
    const until = now + this.#lifetimes.balancer;
    const { publicKey, privateKey } = this.#keys;
    const certificate = this.#own.issue({ uri: this.#uri, publicKey, purpose: 'client', from: now - clockTolerance, until });
    this.#credentials = { key: privatePem(privateKey), certificate, authorities: this.#accepted.certificates, until };
    for (const listener of this.#listeners) listener();
  }
}
