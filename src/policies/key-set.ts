import { readFile } from 'node:fs/promises';
import { createLocalJWKSet, type JSONWebKeySet, type LocalJWKSet } from 'jose';
import { jittered, type Timer } from '../model/clock.ts';
import type { PolicyServices } from './contract.ts';
import { parseQuietly } from './quiet-json.ts';

/** Milliseconds between two readings of a URL, and of a file. */
const urlPeriodMs = 600_000;
const filePeriodMs = 10_000;
/** Milliseconds until the next reading after a failure: doubled each time. */
const firstRetryMs = 1000;
const mostRetryMs = 60_000;
/** Least milliseconds between two readings because of keys that are not in the set: anyone can name such a key. */
const coolDownMs = 30_000;

/** Place of a key set: an HTTP URL, or the path of a file on the gateway server. */
export interface KeySource {
  readonly jwks: string;
  readonly ca?: string | undefined;
}

/**
 * The public keys of an issuer (RFC 7517), read in the background again and again. Keys stay while the source cannot be read, however long. A key that
 * the source does not list any more is trusted no more.
 */
export class KeySet {
  readonly #source: KeySource;
  readonly #services: PolicyServices;
  #keys: LocalJWKSet | undefined;
  #text: string | undefined;
  #reading: Promise<void> | undefined;
  #timer: Timer | undefined;
  #failures = 0;
  #readForUnknown = Number.NEGATIVE_INFINITY;
  #closed = false;
  /** Rises whenever the keys have changed. */
  generation = 0;

  constructor(source: KeySource, services: PolicyServices) {
    this.#source = source;
    this.#services = services;
    void this.#read();
  }

  /** The keys; undefined: none could be read yet. Waits for a reading only while there are none. */
  async present(): Promise<LocalJWKSet | undefined> {
    if (this.#keys === undefined) await this.#reading;
    return this.#keys;
  }

  /** Reads the source because it lacks a key, unless it was read for such a reason a moment ago. Resolves to true if the keys have changed. */
  async renewed(): Promise<boolean> {
    const { generation } = this;
    const now = this.#services.clock.now();
    if (now - this.#readForUnknown >= coolDownMs) {
      this.#readForUnknown = now;
      void this.#read();
    }
    await this.#reading;
    return this.generation !== generation;
  }

  close(): void {
    this.#closed = true;
    this.#timer?.cancel();
  }

  #read(): Promise<void> {
    this.#reading ??= this.#load().finally(() => {
      this.#reading = undefined;
    });
    return this.#reading;
  }

  async #load(): Promise<void> {
    const { logger, clock, random } = this.#services;
    this.#timer?.cancel();
    const source = withoutQuery(this.#source.jwks);
    try {
      this.#take(await this.#fetched());
      if (this.#failures > 0) logger.info({ source }, 'keys of tokens can be read again');
      this.#failures = 0;
    } catch (error) {
      const stale = this.#keys !== undefined;
      const reason = error instanceof Error ? error.message : String(error);
      if (this.#failures++ === 0) logger.warn({ source, reason, stale }, 'keys of tokens cannot be read');
    }
    if (this.#closed) return;
    const period = isUrl(this.#source.jwks) ? urlPeriodMs : filePeriodMs;
    const delay = this.#failures === 0 ? period : Math.min(mostRetryMs, period, firstRetryMs * 2 ** (this.#failures - 1));
    this.#timer = clock.after(jittered(delay, random), () => void this.#read());
  }

  async #fetched(): Promise<string> {
    const { jwks, ca } = this.#source;
    if (!isUrl(jwks)) return readFile(jwks, 'utf8');
    const { status, body } = await this.#services.outbound.send({ url: jwks, headers: { accept: 'application/json' }, ca });
    if (status !== 200) throw new Error(`answered ${status}, and 200 is needed`);
    return body.toString();
  }

  #take(text: string): void {
    if (text === this.#text) return;
    this.#keys = createLocalJWKSet(parseQuietly(text) as JSONWebKeySet);
    this.#text = text;
    this.generation++;
  }
}

/** True if the text is an HTTP URL; else it is the path of a file. */
export function isUrl(text: string): boolean {
  return /^https?:\/\//i.test(text);
}

/** The text without a query, which may hold a secret. */
function withoutQuery(text: string): string {
  return text.replace(/\?.*$/s, '').replace(/\/\/[^/@]*@/, '//');
}
