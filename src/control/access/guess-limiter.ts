import { createHash } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { Access } from '../../model/access.ts';
import type { Clock } from '../../model/clock.ts';
import { SluiceError } from '../../model/fault.ts';
import type { Caller } from './callers.ts';
import type { Identify } from './identify.ts';

/** Guesses (different wrong tokens) that an address may make in a burst. */
export const burstGuesses = 20;
/** Milliseconds after which an address that used up its burst may make one more guess. */
export const guessEveryMs = 2000;
/** Addresses that are remembered; beyond this, the one whose last guess is longest ago is forgotten. */
export const maxGuessers = 2048;
/** Last wrong tokens remembered per address: a program that repeats one wrong token is misconfigured, not guessing. */
const rememberedTokens = 8;
/** Characters from which on a token is never refused because of guesses: no rate of requests finds one of that length. */
export const strongLength = 16;

interface Guesser {
  /** Guesses left, as of `at`; a token bucket that refills by one every {@link guessEveryMs}. */
  left: number;
  at: number;
  /** Digests of the last wrong tokens. */
  readonly seen: string[];
}

/** Refuses a request (`throttled`) from an address that has guessed too often, without telling whether its token is right. */
export class TooManyGuesses extends SluiceError {
  /** Seconds until the address may try again. */
  readonly retryAfter: number;

  constructor(retryAfter: number) {
    super('throttled', `too many wrong tokens came from this address: try again in ${retryAfter} s`);
    this.retryAfter = retryAfter;
  }
}

/**
 * Limits how fast tokens can be guessed, with a token bucket for each client's address. While its bucket is empty, wrong tokens from an
 * address are refused, and so are right ones that are short enough to be guessed; the bucket refills within seconds. A right token of
 * {@link strongLength} characters passes at any time, so that guesses of others behind the same address lock no operator out. Sessions are not
 * affected. Requests from this machine, and those of each untrusted proxy, have buckets of their own.
 */
export class GuessLimiter {
  readonly #clock: Clock;
  readonly #callerOf: (request: IncomingMessage) => Caller;
  readonly #guessers = new Map<string, Guesser>();

  constructor(clock: Clock, callerOf: (request: IncomingMessage) => Caller) {
    this.#clock = clock;
    this.#callerOf = callerOf;
  }

  /**
   * Wraps `identify` so that wrong tokens are counted, and throws {@link TooManyGuesses} for an address over its limit.
   *
   * @param exempt access that is granted even over the limit: gateway servers must not lose their leases because of guesses from the
   *   same address
   */
  limit(identify: Identify, exempt?: Access): Identify {
    return (request) => {
      const { authorization } = request.headers;
      if (authorization === undefined) return identify(request);
      const access = identify(request);
      if (access !== undefined && (access === exempt || isStrong(authorization))) return access;
      const bucket = bucketOf(this.#callerOf(request));
      this.#refuseIfEmpty(bucket);
      if (access === undefined) this.#count(bucket, authorization);
      return access;
    };
  }

  #refuseIfEmpty(bucket: string): void {
    const guesser = this.#guessers.get(bucket);
    if (guesser === undefined) return;
    this.#refill(guesser);
    if (guesser.left < 1) throw new TooManyGuesses(Math.ceil(((1 - guesser.left) * guessEveryMs) / 1000));
  }

  #count(bucket: string, authorization: string): void {
    const guesser = this.#guessers.get(bucket) ?? { left: burstGuesses, at: this.#clock.now(), seen: [] };
    const digest = createHash('sha256').update(authorization).digest('base64');
    if (guesser.seen.includes(digest)) return;
    if (guesser.seen.push(digest) > rememberedTokens) guesser.seen.shift();
    this.#refill(guesser);
    guesser.left -= 1;
    // Re-inserted at the end: the map is ordered by last guess, oldest first.
    this.#guessers.delete(bucket);
    this.#guessers.set(bucket, guesser);
    const [oldest] = this.#guessers.keys();
    if (this.#guessers.size > maxGuessers && oldest !== undefined) this.#guessers.delete(oldest);
  }

  #refill(guesser: Guesser): void {
    const now = this.#clock.now();
    guesser.left = Math.min(burstGuesses, guesser.left + (now - guesser.at) / guessEveryMs);
    guesser.at = now;
  }
}

function isStrong(authorization: string): boolean {
  return authorization.replace(/^Bearer +/i, '').trimEnd().length >= strongLength;
}

/**
 * Names the bucket of a caller: `local`, its IPv4 address, or the /64 network of its IPv6 address, since a host can use every address of
 * that network (RFC 4291, section 2.5.1). Clients of an untrusted proxy share one, apart from the proxy's own.
 */
function bucketOf({ address, local, hidden }: Caller): string {
  if (local) return 'local';
  if (hidden) return `behind ${address}`;
  if (!address.includes(':')) return address;
  const [start = '', end = ''] = address.split('::');
  const groups = start.split(':');
  const missing = 8 - groups.length - (end === '' ? 0 : end.split(':').length);
  return [...groups, ...new Array<string>(Math.max(0, missing)).fill('0')].slice(0, 4).join(':');
}
