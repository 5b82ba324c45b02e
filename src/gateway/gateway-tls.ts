import { randomBytes } from 'node:crypto';
import type { Clock } from '../model/clock.ts';
import { SluiceError } from '../model/fault.ts';
import { ownAddresses } from '../model/own-addresses.ts';
import type { OwnCertificate } from '../model/server.ts';
import type { ServedSettings } from '../model/snapshot.ts';
import type { ListenerSettings } from '../proxy/contract.ts';
import type { Certificate, CertificateFiles } from '../tls/certificate.ts';
import type { CertificateStore } from '../tls/certificate-store.ts';
import type { HopTls } from '../tls/hop-tls.ts';
import type { ListenerTls } from '../tls/listener-tls.ts';
import { ticketKey } from '../tls/ticket-key.ts';
import type { HopCredentials, HopIdentity } from './hop-identity.ts';
import type { SnapshotApplier } from './snapshot-applier.ts';

/**
 * Milliseconds after which every balancer has learned what the registry says, by news or by its next read of everything: that this server answers
 * TLS, or that the environment demands it. Plain connections are refused only then.
 */
const learnedMs = 15_000;
/** Most characters of a fault that the registry takes. */
const mostOfFault = 2000;

type ServerTls = NonNullable<ServedSettings['serverTls']>;

const strictness: Readonly<Record<ServerTls, number>> = { off: 0, auto: 1, on: 2 };

/** Certificate that a server shows to clients which are given its own address, and the store that watches its files. */
export interface ClientTls {
  readonly store: CertificateStore;
  readonly files: CertificateFiles;
}

/** The server's key and certificate for balancers. */
export type HopSide = Pick<HopIdentity, 'credentials' | 'recordedAt' | 'onChange' | 'served' | 'refusalOf'>;

interface Parts {
  /** TLS for clients; undefined: the server has none. */
  readonly clients?: ClientTls | undefined;
  /** TLS for balancers; undefined: the server has none. */
  readonly hop?: HopSide | undefined;
  readonly applier: Pick<SnapshotApplier, 'environment' | 'serverTls'>;
  readonly clock: Pick<Clock, 'now'>;
  /** Called when other certificates are in use. */
  readonly changed: () => void;
  /** True for an address of this machine. Default: loopback and the addresses of its interfaces. */
  readonly isOwn?: (address: string) => boolean;
}

/** TLS of a gateway server's listener: for clients, for balancers, and which peers may do without. */
export class GatewayTls {
  readonly #parts: Parts;
  readonly #ticketSecret = randomBytes(32);
  #clients: { readonly of: Certificate | undefined; readonly tls: ListenerTls | undefined } = { of: undefined, tls: undefined };
  #hop: { readonly of: HopCredentials | undefined; readonly tls: HopTls | undefined } = { of: undefined, tls: undefined };
  readonly #unwatch: (() => void) | undefined;
  /** `serverTls` of the environment, since when, and the looser one that balancers may still obey. */
  #mode: { environment: string | undefined; given: ServerTls; before: ServerTls; at: number } | undefined;

  /** Throws a `SluiceError` if the files for clients cannot be used. */
  constructor(parts: Parts) {
    this.#parts = parts;
    const { clients, hop, changed } = parts;
    if (clients !== undefined) {
      const fault = clients.store.faultOf(clients.files);
      if (fault !== undefined && fault.outdated === undefined)
        throw new SluiceError('invalid', `--tls-${fault.part === 'key' ? 'key' : 'certificate'}: ${fault.message}`);
      clients.store.pin(clients.files);
      clients.store.changed = changed;
    }
    this.#unwatch = hop?.onChange(changed);
  }

  /** The present settings; the same objects as before as long as nothing has changed. */
  get settings(): Pick<ListenerSettings, 'tls' | 'hop' | 'mayBePlain'> {
    const { clients, hop } = this.#parts;
    if (clients === undefined && hop === undefined) return {};
    this.#followMode();
    const certificate = clients?.store.find(clients.files);
    if (certificate !== this.#clients.of) this.#clients = { of: certificate, tls: certificate && this.#tlsOf(certificate) };
    const credentials = hop?.credentials;
    if (credentials !== this.#hop.of) this.#hop = { of: credentials, tls: credentials && hop && this.#hopOf(credentials, hop) };
    return { tls: this.#clients.tls, hop: this.#hop.tls, mayBePlain: this.mayBePlain };
  }

  /** The certificate for clients, with what is known of its files; undefined: the server has none. */
  get ownCertificate(): OwnCertificate | undefined {
    const { clients } = this.#parts;
    const state = clients?.store.stateOf(clients.files);
    if (state?.notAfter === undefined) return undefined;
    const { file: certificate, notAfter: until, fault } = state;
    return { certificate, until, ...(fault !== undefined && { fault: fault.slice(0, mostOfFault) }) };
  }

  /** Called once a listener has these settings. */
  applied(): void {
    const { of } = this.#hop;
    if (of !== undefined) this.#parts.hop?.served(of.id);
  }

  close(): void {
    this.#unwatch?.();
    this.#parts.clients?.store.close();
  }

  /** True if connections from this address may be plain. */
  readonly mayBePlain = (peer: string): boolean => {
    const serverTls = this.#serverTls;
    if (serverTls === 'on') return false;
    if (serverTls === 'off' || !this.#isLearned) return true;
    return (this.#parts.isOwn ?? isOwn)(peer);
  };

  get #serverTls(): ServerTls {
    if (this.#mode === undefined) return 'off';
    const { given, before, at } = this.#mode;
    const isTightened = strictness[given] > strictness[before];
    return isTightened && this.#parts.clock.now() < at + learnedMs ? before : given;
  }

  #followMode(): void {
    const { environment, serverTls: given = 'off' } = this.#parts.applier;
    if (environment === this.#mode?.environment && given === this.#mode?.given) return;
    // In an environment that is new to this server, no balancer has sent it anything yet.
    const before = environment === this.#mode?.environment ? this.#serverTls : given;
    this.#mode = { environment, given, before, at: this.#parts.clock.now() };
  }

  /** True once all balancers know that this server answers TLS, in its present environment. */
  get #isLearned(): boolean {
    const { hop, applier, clock } = this.#parts;
    if (hop?.credentials === undefined || hop.recordedAt === undefined) return false;
    const isKnown = hop.recordedAt === 0 || clock.now() >= hop.recordedAt + learnedMs;
    return isKnown && hop.credentials.environment === applier.environment;
  }

  #tlsOf(certificate: Certificate): ListenerTls {
    const environments = [{ name: '', hosts: [], ticketKey: ticketKey(this.#ticketSecret, 'clients') }];
    return { certificates: [certificate], minVersion: '1.2', environments };
  }

  #hopOf({ certificate, key, authorities }: HopCredentials, hop: HopSide): HopTls {
    return { certificate, key, authorities, ticketKey: ticketKey(this.#ticketSecret, 'hop'), refusalOf: (peer) => hop.refusalOf(peer) };
  }
}

function isOwn(address: string): boolean {
  return ownAddresses.has(address);
}
