import { isDeepStrictEqual } from 'node:util';
import type { Logger } from 'pino';
import type { AcmeSpec } from '../model/acme.ts';
import { covers, overlap, parseAddress } from '../model/address.ts';
import { type Clock, jittered, type Random, type Timer } from '../model/clock.ts';
import { SluiceError } from '../model/fault.ts';
import { bindsBeside } from '../proxy/bound-socket.ts';
import { cannotListen } from '../proxy/cannot-listen.ts';
import type { ListenerSettings } from '../proxy/contract.ts';
import type { CertificateFiles } from '../tls/certificate.ts';
import type { CertificateStore } from '../tls/certificate-store.ts';
import type { IssuedCertificates } from '../tls/issued-certificates.ts';
import { ticketKey } from '../tls/ticket-key.ts';
import { tlsFiles } from '../tls/tls-files.ts';
import type { OpenedListener, OpenListener } from './data-plane.ts';
import { authoritiesOf, issuedNames, settingsOf, tlsOf } from './listener-settings.ts';
import type { TableEnvironment } from './table.ts';

/** Milliseconds until opening a listener is retried. */
const retryMs = 2_000;
/** Milliseconds that a listener still accepts when another one has taken over its address. */
const handOverMs = 500;
/** Reason for which an address cannot be opened while another one that overlaps is open. */
const cannotOverlap = new Error(
  'it overlaps with an address that is open, and this version of Node.js cannot hold both: use Node.js 22.12 or later on Linux, another port, or restart the balancer',
);
/** Reason for which a listener with TLS cannot be opened. */
const noCertificate = new Error('the log says what is wrong with each of its files. It opens as soon as one of them is repaired');
/** Milliseconds in which the balancer learns of a change that was made in the registry. */
const keptMs = 10_000;

export interface ListenersTools {
  readonly open: OpenListener;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** Certificates of listeners with TLS. */
  readonly certificates: CertificateStore;
  /** Secret of session tickets, which are good whatever is reloaded and however often workers are replaced. Call `follow` when it has changed. */
  readonly tickets: { readonly octets: Buffer };
  /** Certificates that authorities issue. */
  readonly issued: IssuedCertificates;
  /** Grace period, in milliseconds, of exchanges in flight when a listener is closed. */
  readonly graceMs: number;
}

/** The listeners for clients: one for each address, shared by all environments that name the address. */
export class Listeners {
  readonly #tools: ListenersTools;
  readonly #entries = new Map<string, Entry>();
  readonly #closing = new Set<Promise<void>>();
  /** Address of each environment, by name. */
  #wanted: ReadonlyMap<string, string> = new Map();
  /** Addresses whose requests are redirected to https. */
  #redirects: ReadonlySet<string> = new Set();

  constructor(tools: ListenersTools) {
    this.#tools = tools;
  }

  /**
   * Opens missing listeners, then closes those that no environment names any more, leaves the rest alone. A listener whose environment
   * has moved to an address that is not open yet stays until that is. Resolves with the failures to open; these are logged and retried
   * until they succeed or the address is no longer named.
   */
  async follow(environments: Iterable<TableEnvironment>): Promise<SluiceError[]> {
    const wanted = new Map<string, TableEnvironment[]>();
    for (const environment of environments) {
      const sharing = wanted.get(environment.spec.listen);
      if (sharing) sharing.push(environment);
      else wanted.set(environment.spec.listen, [environment]);
    }
    const redirects = new Map(
      [...wanted.values()]
        .flat()
        .flatMap((one) => (one.spec.tls?.redirectFrom === undefined ? [] : [[one.spec.tls.redirectFrom, one] as const])),
    );
    this.#redirects = new Set([...redirects.keys()].map(redirectKey));
    this.#wanted = new Map([...wanted].flatMap(([address, sharing]) => sharing.map(({ name }) => [name, address] as const)));
    this.#retireUnwanted();
    const opening: Promise<SluiceError | undefined>[] = [];
    for (const [address, sharing] of wanted) {
      const names = sharing.map((environment) => environment.name);
      const entry = this.#entries.get(address);
      if (entry === undefined) {
        const fresh: Entry = { address, names, settings: this.#settingsOf(address, sharing), retired: false };
        this.#entries.set(address, fresh);
        opening.push(this.#open(fresh));
      } else {
        entry.names = names;
        entry.reserved = 0;
        const settings = this.#settingsOf(address, sharing);
        if (settings.tls?.certificates.length === 0 && entry.listener !== undefined) continue;
        if (isDeepStrictEqual(entry.settings, settings)) continue;
        entry.settings = settings;
        entry.listener?.update(settings);
      }
    }
    const failures = (await Promise.all(opening)).filter((failure) => failure !== undefined);
    // Afterwards: a redirect names the port that its listener has got.
    const redirecting = [...redirects].map(([address, environment]) => this.#redirect(address, environment));
    failures.push(...(await Promise.all(redirecting)).filter((failure) => failure !== undefined));
    this.#retireUnwanted();
    this.#tools.issued.want(this.#namesOf(wanted.values()));
    const files = [...wanted.values()].flat().flatMap(({ spec: { tls } }) => tlsFiles(tls));
    this.#tools.certificates.retain(files.map((named) => named.files));
    return failures;
  }

  /**
   * Opens a listener before an environment names it, so that a change to an address that cannot be opened is refused before it is made.
   * Rejects with a `SluiceError` that names the address and the remedy. Resolves with a function to call when the change was made or
   * refused: a listener that is still not named `keptMs` after a change, or at once after a refusal, is closed.
   */
  async reserve(address: string): Promise<(made: boolean) => void> {
    const present = this.#entries.get(address);
    if (present?.listener !== undefined) return () => {};
    const entry: Entry = present ?? { address, names: [], settings: this.#settingsOf(address, []), retired: false };
    this.#entries.set(address, entry);
    entry.reserved = (entry.reserved ?? 0) + 1;
    const release = () => {
      entry.reserved = Math.max(0, (entry.reserved ?? 0) - 1);
      this.#retireUnwanted();
    };
    entry.retry?.cancel();
    const failure = await this.#open(entry);
    if (failure !== undefined) {
      release();
      throw failure;
    }
    return (made) => {
      if (made) this.#tools.clock.after(keptMs, release);
      else release();
    };
  }

  /** Why a listener is not open; undefined while all are. */
  get unopened(): string | undefined {
    for (const { address, listener, loggedFailure } of this.#entries.values())
      if (listener === undefined) return loggedFailure ?? `the listener at ${address} is not open yet`;
    return undefined;
  }

  /** The bound address that an environment's clients connect to; undefined while it is not open. */
  address(environment: string): string | undefined {
    for (const entry of this.#entries.values()) {
      if (entry.settings.redirectPort === undefined && entry.names.includes(environment)) return entry.listener?.address;
    }
    return undefined;
  }

  /** Closes all listeners; resolves when the last exchange has ended or was broken off after `graceMs`. */
  async close(graceMs: number): Promise<void> {
    for (const entry of this.#entries.values()) this.#retire(entry, graceMs);
    this.#entries.clear();
    await Promise.all(this.#closing);
  }

  #retireUnwanted(): void {
    const keys = new Set([...this.#wanted.values(), ...this.#redirects]);
    for (const [key, entry] of this.#entries) {
      if (keys.has(key) || (entry.reserved ?? 0) > 0 || entry.names.some((name) => this.#isMoving(name))) continue;
      const wider = [...this.#entries].find(
        ([other, { address, listener }]) => keys.has(other) && listener !== undefined && covers(address, entry.address),
      )?.[1];
      if (wider !== undefined && entry.listener !== undefined) {
        // Closing it would reset the connections that wait to be accepted; the wider address takes the same ones.
        entry.names = [];
        entry.listener.update(wider.settings);
        continue;
      }
      this.#entries.delete(key);
      this.#retire(entry, this.#tools.graceMs);
    }
  }

  /** True for an environment whose address is not open yet. */
  #isMoving(name: string): boolean {
    const address = this.#wanted.get(name);
    return address !== undefined && this.#entries.get(address)?.listener === undefined;
  }

  async #open(entry: Entry): Promise<SluiceError | undefined> {
    const { open, logger, clock, random } = this.#tools;
    try {
      const { settings } = entry;
      if (settings.tls?.certificates.length === 0) throw noCertificate;
      const listener = await open(entry.address, settings, this.#besideAnother(entry));
      entry.listener = listener;
      if (entry.settings !== settings) listener.update(entry.settings);
      if (entry.retired) this.#shut(listener, 0);
      else logger.info({ address: listener.address, environments: entry.names }, 'listening');
      if (entry.retry !== undefined) this.#retireUnwanted();
      return undefined;
    } catch (error) {
      const purpose = entry.names.length === 0 ? 'an environment' : `environment ${entry.names.join(', ')}`;
      const failure =
        error === noCertificate
          ? new SluiceError('invalid', `${purpose} has no certificate for ${entry.address} that can be used: ${noCertificate.message}`)
          : cannotListen(entry.address, purpose, bindsBeside || !this.#besideAnother(entry) ? error : cannotOverlap);
      if (!entry.retired && entry.names.length > 0) {
        if (entry.loggedFailure !== failure.message) logger.error({ address: entry.address, environments: entry.names }, failure.message);
        entry.loggedFailure = failure.message;
        entry.retry = clock.after(jittered(retryMs, random), () => void this.#open(entry));
      }
      return failure;
    }
  }

  /** Opens or updates the listener that leads to https of an environment. */
  async #redirect(address: string, environment: TableEnvironment): Promise<SluiceError | undefined> {
    const { listen, tls } = environment.spec;
    const bound = this.#entries.get(listen)?.listener?.address ?? listen;
    const redirectPort = tls?.publicPort || parseAddress(bound).port;
    const settings = { ...settingsOf([environment]), ...this.#challengeAnswers(), redirectPort };
    const key = redirectKey(address);
    const present = this.#entries.get(key);
    if (present === undefined) {
      const fresh: Entry = { address, names: [environment.name], settings, retired: false };
      this.#entries.set(key, fresh);
      return this.#open(fresh);
    }
    present.reserved = 0;
    present.names = [environment.name];
    if (!isDeepStrictEqual(present.settings, settings)) {
      present.settings = settings;
      present.listener?.update(settings);
    }
    return undefined;
  }

  #settingsOf(address: string, sharing: readonly TableEnvironment[]): ListenerSettings {
    const { certificates, issued } = this.#tools;
    const authorities = authoritiesOf(sharing, (file) => certificates.findAuthority(file));
    // Sessions end with their authorities and revocation lists: a session does not tell which ones its client certificate was checked against.
    const scope = [address, ...authorities.flatMap(({ chain, lists }) => [chain, ...lists.map(({ digest }) => digest)])].join('\n');
    const keyOf = (environment: string) => ticketKey(this.#tools.tickets.octets, `${environment} ${scope}`);
    const sources = { find: (files: CertificateFiles) => certificates.find(files), issued };
    const tls = tlsOf(sharing, sources, authorities, keyOf);
    return { ...settingsOf(sharing), ...this.#challengeAnswers(), ...(tls !== undefined && { tls }) };
  }

  /** Every listener answers: the authority may be led to another one than the name's own, for example by a redirect. */
  #challengeAnswers(): Pick<ListenerSettings, 'challengeAnswers'> {
    const { answers } = this.#tools.issued;
    return answers === undefined ? {} : { challengeAnswers: answers.http };
  }

  /** The names that authorities issue certificates for; of two environments with the same name, the earlier one's authority. */
  #namesOf(listeners: Iterable<readonly TableEnvironment[]>): Map<string, AcmeSpec> {
    const { certificates } = this.#tools;
    const all = [...listeners].flatMap((sharing) => [...issuedNames(sharing, (files) => certificates.find(files))]);
    const names = new Map<string, AcmeSpec>();
    for (const [name, spec] of all) if (!names.has(name)) names.set(name, spec);
    return names;
  }

  /** True if another listener of this balancer is open on an address that overlaps. */
  #besideAnother({ address }: Entry): boolean {
    for (const other of this.#entries.values())
      if (other.address !== address && other.listener !== undefined && overlap(other.address, address)) return true;
    return false;
  }

  #retire(entry: Entry, graceMs: number): void {
    entry.retired = true;
    entry.retry?.cancel();
    if (entry.listener !== undefined) this.#shut(entry.listener, graceMs, graceMs > 0 && this.#besideAnother(entry));
  }

  /** @param handOver another listener takes new connections now: those that wait to be accepted here are accepted first */
  #shut(listener: OpenedListener, graceMs: number, handOver = false): void {
    const { logger, clock } = this.#tools;
    const handedOver = handOver ? new Promise<void>((resolve) => clock.after(handOverMs, resolve)) : undefined;
    const closed = handedOver === undefined ? listener.close(graceMs) : handedOver.then(() => listener.close(graceMs));
    const closing = closed
      .then(() => logger.info({ address: listener.address }, 'listener closed'))
      .catch((error: unknown) => logger.error({ err: error, address: listener.address }, 'listener did not close cleanly'))
      .finally(() => this.#closing.delete(closing));
    this.#closing.add(closing);
  }
}

/** Key of the listener that redirects from an address. A free port is another one than that of a listener at the same address. */
function redirectKey(address: string): string {
  return parseAddress(address).port === 0 ? `${address} (redirect)` : address;
}

interface Entry {
  readonly address: string;
  settings: ListenerSettings;
  /** Names of the environments that share the listener. */
  names: readonly string[];
  listener?: OpenedListener;
  retry?: Timer;
  /** Changes in progress that will name the address. */
  reserved?: number;
  /** The failure last logged, so that retries do not log it again. */
  loggedFailure?: string;
  /** No environment names the address any more. */
  retired: boolean;
}
