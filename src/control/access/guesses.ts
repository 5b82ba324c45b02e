import { createHash } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { Access } from '../../model/access.ts';
import type { Clock } from '../../model/clock.ts';
import { SluiceError } from '../../model/fault.ts';
import { isLocal } from '../../proxy/local.ts';
import type { Identify } from './access.ts';

/** Different wrong tokens that an address may show in a row. */
export const freeGuesses = 20;
/** Milliseconds after which it may show one more. */
export const guessEveryMs = 2000;
/** Addresses that are remembered; the one that was quiet longest is forgotten. */
export const maxGuessers = 2048;
/** Wrong tokens remembered of each: a program that shows the same one again and again does not guess. */
const rememberedTokens = 8;

interface Guesser {
  /** Guesses that it has left, as of `at`. */
  left: number;
  at: number;
  /** Digests of the last wrong ones. */
  readonly seen: string[];
}

/** Refused without a look at the token: `throttled`. */
export class TooManyGuesses extends SluiceError {
  /** Seconds after which it may be tried again. */
  readonly retryAfter: number;

  constructor(retryAfter: number) {
    super('throttled', `too many wrong tokens came from this address: try again in ${retryAfter} s`);
    this.retryAfter = retryAfter;
  }
}

/**
 * Slows down who guesses tokens: an address that showed many different wrong ones is not listened to for a moment, whatever it shows; a
 * right token is so held up for seconds, and only from that address. Sessions are not affected. People on this machine have an account of
 * their own, so that guessers behind a proxy here never stand in their way.
 */
export class Guesses {
  readonly #clock: Clock;
  readonly #guessers = new Map<string, Guesser>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /**
   * As `identify`, with every wrong token counted. Throws {@link TooManyGuesses}.
   *
   * @param spared who is listened to all the same: servers must not be lost because somebody guesses from their address
   */
  watched(identify: Identify, spared?: Access): Identify {
    return (request) => {
      const { authorization } = request.headers;
      if (authorization === undefined) return identify(request);
      const access = identify(request);
      if (spared !== undefined && access === spared) return access;
      const address = accountOf(request);
      this.#admit(address);
      if (access === undefined) this.#count(address, authorization);
      return access;
    };
  }

  #admit(address: string): void {
    const guesser = this.#guessers.get(address);
    if (guesser === undefined) return;
    this.#refill(guesser);
    if (guesser.left < 1) throw new TooManyGuesses(Math.ceil(((1 - guesser.left) * guessEveryMs) / 1000));
  }

  #count(address: string, authorization: string): void {
    const guesser = this.#guessers.get(address) ?? { left: freeGuesses, at: this.#clock.now(), seen: [] };
    const digest = createHash('sha256').update(authorization).digest('base64');
    if (guesser.seen.includes(digest)) return;
    if (guesser.seen.push(digest) > rememberedTokens) guesser.seen.shift();
    this.#refill(guesser);
    guesser.left -= 1;
    // Put at the end, so that the first is the one that was quiet longest.
    this.#guessers.delete(address);
    this.#guessers.set(address, guesser);
    const [quietest] = this.#guessers.keys();
    if (this.#guessers.size > maxGuessers && quietest !== undefined) this.#guessers.delete(quietest);
  }

  #refill(guesser: Guesser): void {
    const now = this.#clock.now();
    guesser.left = Math.min(freeGuesses, guesser.left + (now - guesser.at) / guessEveryMs);
    guesser.at = now;
  }
}

/** An IPv6 peer counts by its network (RFC 4291, section 2.5.1: 64 bits): it has the rest to itself. */
function accountOf({ socket: { remoteAddress = '' }, headers: { host } }: IncomingMessage): string {
  if (isLocal(remoteAddress, host)) return 'local';
  if (!remoteAddress.includes(':') || remoteAddress.startsWith('::ffff:')) return remoteAddress;
  const [start = '', end = ''] = remoteAddress.split('::');
  const groups = start.split(':');
  const missing = 8 - groups.length - (end === '' ? 0 : end.split(':').length);
  return [...groups, ...new Array<string>(Math.max(0, missing)).fill('0')].slice(0, 4).join(':');
}
