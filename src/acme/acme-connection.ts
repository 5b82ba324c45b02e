import type { KeyObject } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import https from 'node:https';
import * as z from 'zod';
import type { Clock } from '../model/clock.ts';
import { AcmeFailure, failureOf, printable } from './acme-failure.ts';
import { publicJwk, signed } from './json-web-signature.ts';

/** Milliseconds that an answer may take. */
const answerMs = 30_000;
/** Most octets of an answer. */
const mostOctets = 1024 * 1024;
/** Most nonces that are kept for later requests. */
const mostNonces = 8;
/** Times that a request is sent again because its nonce was refused. */
const mostNonceRefusals = 8;

const directorySchema = z.looseObject({
  newNonce: z.url(),
  newAccount: z.url(),
  newOrder: z.url(),
  /** RFC 9773 section 4. */
  renewalInfo: z.url().optional().catch(undefined),
});

/** URLs of an authority's services (RFC 8555 section 7.1.1). */
export type Directory = z.output<typeof directorySchema>;

/** Signer of requests: the account's key, and its URL once the authority has given one. */
export interface Signer {
  readonly key: KeyObject;
  readonly url?: string;
}

/** An answer of the authority that is no problem. */
export interface Answer {
  readonly body: string;
  /** URL of what was made. */
  readonly location: string | undefined;
  /** Date before which the authority wants to be asked no more, in milliseconds since 1970. */
  readonly retryAt: number | undefined;
  /** For one later request. */
  readonly nonce: string | undefined;
}

/** Requests to one authority: signed, each with a fresh nonce, repeated if the nonce was refused (RFC 8555 section 6.5). */
export class AcmeConnection {
  readonly #url: string;
  readonly #clock: Pick<Clock, 'date'>;
  readonly #agent: https.Agent;
  readonly #nonces: string[] = [];
  readonly #signal: AbortSignal;
  #directory: Promise<Directory> | undefined;

  /**
   * @param url of the directory
   * @param ca certificates that the directory's is checked against, in PEM; empty: the public ones
   * @param signal ends what is under way
   */
  constructor({ url, ca }: { url: string; ca: string }, clock: Pick<Clock, 'date'>, signal: AbortSignal) {
    this.#url = url;
    this.#clock = clock;
    this.#signal = signal;
    this.#agent = new https.Agent({ keepAlive: true, ...(ca !== '' && { ca }) });
  }

  /** Reads the directory once for all who ask, again after a failure. */
  directory(): Promise<Directory> {
    this.#directory ??= this.#readDirectory().catch((error: unknown) => {
      this.#directory = undefined;
      throw error;
    });
    return this.#directory;
  }

  /** Reads without a signature: the directory, and renewal information. */
  async get(url: string): Promise<Answer> {
    const answer = await this.#send('GET', url);
    this.#keep(answer.nonce);
    return answer;
  }

  /** Sends a signed request. @param payload undefined: it only reads */
  async post(url: string, payload: unknown, signer: Signer): Promise<Answer> {
    for (let refusals = 0; ; refusals++) {
      const nonce = this.#nonces.pop() ?? (await this.#newNonce());
      const identity = signer.url === undefined ? { jwk: publicJwk(signer.key) } : { kid: signer.url };
      try {
        const answer = await this.#send('POST', url, JSON.stringify(signed({ nonce, url, ...identity }, payload, signer.key)));
        this.#keep(answer.nonce);
        return answer;
      } catch (error) {
        if (!(error instanceof AcmeFailure) || error.type !== 'badNonce' || refusals >= mostNonceRefusals) throw error;
      }
    }
  }

  close(): void {
    this.#agent.destroy();
  }

  async #readDirectory(): Promise<Directory> {
    const { body } = await this.get(this.#url);
    const read = directorySchema.safeParse(json(body));
    if (read.success) return read.data;
    throw new AcmeFailure(`${this.#url} is not the directory of an ACME authority: correct tls.acme.directory`, { general: true });
  }

  #keep(nonce: string | undefined): void {
    if (nonce !== undefined && this.#nonces.length < mostNonces) this.#nonces.push(nonce);
  }

  /** Its nonce is for the request that needs it: others that are under way must not take it. */
  async #newNonce(): Promise<string> {
    const { newNonce } = await this.directory();
    const { nonce } = await this.#send('HEAD', newNonce);
    if (nonce === undefined) throw new AcmeFailure(`the authority at ${newNonce} gave no nonce`, { general: true });
    return nonce;
  }

  async #send(method: string, target: string, body?: string): Promise<Answer> {
    const url = urlOf(target);
    const { status, headers, text } = await this.#exchange(method, url, body).catch((cause: Error) => {
      const reason = (cause as NodeJS.ErrnoException).code ?? cause.message;
      throw new AcmeFailure(
        `the authority at ${url.origin} cannot be reached (${reason}): ${remedyOf(reason)}. The next attempt comes by itself`,
        { general: true, cause },
      );
    });
    const given = headers['replay-nonce'];
    const nonce = typeof given === 'string' && /^[A-Za-z0-9_-]{1,512}$/.test(given) ? given : undefined;
    const retryAt = retryDate(headers['retry-after'], this.#clock.date());
    if (status >= 200 && status < 300) return { body: text, location: locationIn(headers, url), retryAt, nonce };
    this.#keep(nonce);
    const problem = json(text);
    if (problem !== null && typeof problem === 'object') throw failureOf(problem, `a request to ${url.pathname}`, { retryAt });
    throw new AcmeFailure(`the authority at ${url.origin} answered with status ${status}: the next attempt comes by itself`, {
      retryAt,
      general: true,
    });
  }

  #exchange(method: string, url: URL, body?: string): Promise<{ status: number; headers: IncomingMessage['headers']; text: string }> {
    return new Promise((resolve, reject) => {
      const signal = AbortSignal.any([this.#signal, AbortSignal.timeout(answerMs)]);
      const headers = {
        'user-agent': 'sluice',
        accept: '*/*',
        ...(body !== undefined && { 'content-type': 'application/jose+json', 'content-length': Buffer.byteLength(body) }),
      };
      const request = https.request(url, { method, headers, agent: this.#agent, signal }, (response) => {
        const pieces: Buffer[] = [];
        let octets = 0;
        response.on('error', reject).on('data', (piece: Buffer) => {
          octets += piece.length;
          if (octets > mostOctets) response.destroy(new Error('its answer is longer than 1 MiB'));
          else pieces.push(piece);
        });
        response.on('end', () =>
          resolve({ status: response.statusCode ?? 0, headers: response.headers, text: Buffer.concat(pieces).toString() }),
        );
      });
      request.on('error', reject).end(body);
    });
  }
}

/** Reads a URL that an authority gave. Any other value is a fault of the authority, and must not end the work for the names of others. */
function urlOf(given: string): URL {
  const url = URL.canParse(given) ? new URL(given) : undefined;
  if (url?.protocol === 'https:') return url;
  throw new AcmeFailure(
    `the authority gave "${printable(given)}" in place of an https URL: see that tls.acme.directory is that of an ACME authority`,
    { general: true },
  );
}

/** Reads Location, which may be relative to the URL of the request (RFC 9110 section 10.2.2). */
function locationIn({ location }: IncomingMessage['headers'], url: URL): string | undefined {
  return location !== undefined && URL.canParse(location, url.href) ? new URL(location, url).href : location;
}

/** Reads Retry-After (RFC 9110 section 10.2.3) as a date in milliseconds since 1970. */
export function retryDate(field: string | undefined, now: number): number | undefined {
  if (field === undefined) return undefined;
  if (/^\d{1,9}$/.test(field)) return now + Number(field) * 1000;
  const date = /^[A-Z][a-z]{2},/.test(field) ? Date.parse(field) : Number.NaN;
  return Number.isNaN(date) ? undefined : date;
}

export function json(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function remedyOf(reason: string): string {
  if (/CERT|SELF_SIGNED|ISSUER/.test(reason))
    return "its certificate is not trusted here: name the certificate of its own authority in tls.acme.ca, and check this machine's clock";
  return 'see that tls.acme.directory is right, and that this machine may connect to it';
}
