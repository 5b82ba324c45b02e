import { createPrivateKey, createPublicKey, type KeyObject, X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Logger } from 'pino';
import { environmentOf, nameCertificate, refuseBalancer, refuseServer, serverUri, writeKey } from '../certificates/hop-certificates.ts';
import { makeKeyPair, privatePem } from '../certificates/key-pair.ts';
import { splitPem } from '../model/certificate.ts';
import type { Clock } from '../model/clock.ts';
import type { HopRequest } from '../model/hop.ts';
import type { ServerRecord } from '../model/server.ts';
import { replaceFile } from '../registry/replace-file.ts';

/** Key and certificate by which this server proves to balancers who it is, and the authorities of the balancers' certificates. All PEM. */
export interface HopCredentials {
  /** Names the certificate. */
  readonly id: string;
  readonly key: string;
  readonly certificate: string;
  readonly authorities: readonly string[];
  /** Environment that the certificate names; undefined: none. */
  readonly environment: string | undefined;
  /** Last date of the certificate, in milliseconds since 1970. */
  readonly until: number;
}

/** Milliseconds for which each balancer waits, at least, before it sends plain requests to a server that asked for a certificate. */
const awaitedMs = 5_000;

/**
 * This server's key and certificate for connections of balancers. The key is made at the first start and never leaves the data folder; a balancer
 * certifies it when the server joins, and again before the certificate ends. The latest certificate is on disk, too, so that a server that
 * starts while it cannot reach the registry answers balancers as before.
 */
export class HopIdentity {
  readonly #parts: { readonly id: string; readonly dataDir: string; readonly clock: Clock; readonly logger: Logger };
  readonly #privateKey: string;
  /** For {@link HopRequest.key}. */
  readonly publicKey: string;
  readonly #listeners = new Set<(credentials: HopCredentials) => void>();
  readonly #serving = new Set<() => void>();
  /** Called when a balancer was refused whose authority this server does not know: the registry may know it by now. */
  onStranger: () => void = () => {};
  #credentials: HopCredentials | undefined;
  #authorities: readonly X509Certificate[] = [];
  #served: HopCredentials | undefined;
  #recordedAt: number | undefined;
  /** Time since which the registry says that this server does not answer TLS. */
  #unrecordedSince: number | undefined;
  #refused = '';
  #saved: Promise<void> = Promise.resolve();

  private constructor(parts: { id: string; dataDir: string; clock: Clock; logger: Logger }, privateKey: KeyObject) {
    this.#parts = parts;
    this.#privateKey = privatePem(privateKey);
    this.publicKey = writeKey(createPublicKey(privateKey));
  }

  /**
   * Loads the key from `hop.key` in the data folder (mode 0600), or makes one and stores it there, and the last certificate from `hop.pem`. A fault of
   * the files or the folder is logged; then the key is new, and a balancer certifies it at the join.
   */
  static async load(parts: { id: string; dataDir: string; clock: Clock; logger: Logger }): Promise<HopIdentity> {
    const identity = new HopIdentity(parts, await loadKey(parts.dataDir, parts.logger));
    const stored = await readFile(identity.#file, 'utf8').catch(() => undefined);
    // Until the registry says otherwise, a restart changes nothing.
    if (stored !== undefined && identity.#read(stored)) identity.#recordedAt = 0;
    return identity;
  }

  /** Undefined until the first certificate has come. */
  get credentials(): HopCredentials | undefined {
    return this.#credentials;
  }

  /**
   * Time of the clock at which the registry first said that this server answers TLS with its present key, in its present environment: balancers learn
   * of it from then on. 0 if no balancer can have sent a plain request
   * before: the certificate is from disk, or came soon after the join. Undefined: the registry does not say so.
   */
  get recordedAt(): number | undefined {
    return this.#recordedAt;
  }

  /** For joins and renewals. */
  get request(): HopRequest {
    const served = this.#served;
    if (served === undefined) return { key: this.publicKey };
    const { id, environment } = served;
    return { key: this.publicKey, serves: { certificate: id, ...(environment !== undefined && { environment }) } };
  }

  /** Calls `listener` when the credentials have changed. */
  onChange(listener: (credentials: HopCredentials) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Calls `listener` when the registry should hear of another certificate that this server answers with. */
  onServed(listener: () => void): () => void {
    this.#serving.add(listener);
    return () => this.#serving.delete(listener);
  }

  /** Notes that the server answers TLS with the credentials of this id. */
  served(id: string): void {
    if (this.#served?.id === id || this.#credentials?.id !== id) return;
    this.#served = this.#credentials;
    for (const listener of this.#serving) listener();
  }

  /** Takes over what the registry says of this server: another certificate, and whether balancers know that it answers TLS. */
  accept({ hop, environment }: Pick<ServerRecord, 'hop' | 'environment'>): void {
    const isRecorded = hop?.serves === true && hop.key === this.publicKey;
    const now = this.#parts.clock.now();
    if (isRecorded) this.#recordedAt ??= now - (this.#unrecordedSince ?? now) < awaitedMs ? 0 : now;
    else if (this.#recordedAt !== undefined || this.#unrecordedSince === undefined) {
      this.#recordedAt = undefined;
      this.#unrecordedSince = now;
    }
    const { id, pem } = hop?.certificate ?? {};
    if (pem === undefined || id === this.#credentials?.id) return;
    if (!this.#read(pem, { environment })) return;
    // One after the other, so that the latest one stays.
    this.#saved = this.#saved.then(() => this.#save(pem));
  }

  /** Resolves when the latest certificate is on disk, or could not be stored. */
  settled(): Promise<void> {
    return this.#saved;
  }

  /** Says why a certificate is not one of a balancer on this registry; undefined: it is. */
  refusalOf(peer: X509Certificate | undefined): string | undefined {
    const refusal = refuseBalancer(peer, this.#authorities, this.#parts.clock.date());
    if (refusal !== undefined && peer !== undefined) this.onStranger();
    return refusal;
  }

  get #file(): string {
    return join(this.#parts.dataDir, 'hop.pem');
  }

  async #save(pem: string): Promise<void> {
    try {
      await replaceFile(this.#file, (file) => file.writeFile(pem));
    } catch (error) {
      const { logger } = this.#parts;
      logger.warn({ file: this.#file, err: error }, 'the certificate of this server cannot be stored: make the data folder writable');
    }
  }

  /** Reads a certificate and its authorities. Returns false, and says why once, if they are not for this server. */
  #read(pem: string, registered?: { readonly environment: string | undefined }): boolean {
    const { id, logger } = this.#parts;
    const [certificate = '', ...authorities] = splitPem(pem);
    try {
      const leaf = new X509Certificate(certificate);
      const signers = authorities.map((authority) => new X509Certificate(authority));
      const environment = registered === undefined ? environmentOf(leaf) : registered.environment;
      const refusal = refuseServer(leaf, { id, environment, hop: { key: this.publicKey } }, signers);
      if (refusal !== undefined) throw new Error(refusal);
      const until = Date.parse(leaf.validTo);
      const credentials = { id: nameCertificate(certificate), key: this.#privateKey, certificate, authorities, environment, until };
      this.#authorities = signers;
      this.#credentials = credentials;
      for (const listener of this.#listeners) listener(credentials);
      logger.debug({ certificate: serverUri(environment, id), until: leaf.validTo }, 'this server has a certificate for balancers');
      return true;
    } catch (error) {
      const { message } = error as Error;
      if (message !== this.#refused) logger.warn({ reason: message }, 'a certificate for balancers is not taken over');
      this.#refused = message;
      return false;
    }
  }
}

async function loadKey(dataDir: string, logger: Logger): Promise<KeyObject> {
  const file = join(dataDir, 'hop.key');
  try {
    const key = createPrivateKey(await readFile(file, 'utf8'));
    if (key.asymmetricKeyDetails?.namedCurve === 'prime256v1') return key;
    logger.warn({ file }, 'the key of this server is not a P-256 key and is replaced');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT')
      logger.warn({ file, reason: (error as Error).message }, 'the key of this server cannot be read and is replaced');
  }
  const { privateKey } = makeKeyPair();
  try {
    await replaceFile(file, (handle) => handle.writeFile(privatePem(privateKey)));
  } catch (error) {
    logger.warn({ file, err: error }, 'the key of this server cannot be stored: make the data folder writable');
  }
  return privateKey;
}
