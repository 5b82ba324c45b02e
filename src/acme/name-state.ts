import { createHash } from 'node:crypto';
import * as z from 'zod';
import type { AcmeSpec } from '../model/acme.ts';
import { jittered, type Random } from '../model/clock.ts';
import type { AcmeFailure } from './acme-failure.ts';

const date = z.number();

/** The state of one name, as the registry keeps it. Dates in milliseconds since 1970. Holds a private key: never log it. */
export const nameState = z.object({
  /** The certificate in use. */
  issued: z
    .object({
      /** Authority that issued it. */
      directory: z.string(),
      /** PEM. */
      chain: z.string(),
      key: z.string(),
      from: date,
      until: date,
      /** Date of the renewal. */
      renewAt: date,
      /** Date at which the authority is asked again when it wants the renewal (RFC 9773). */
      askAt: date,
    })
    .exactOptional(),
  /** The attempts since the last certificate; absent after a success. */
  failure: z
    .object({
      at: date,
      attempts: z.number(),
      reason: z.string(),
      retryAt: date,
      /** Digest of the authority's settings: with others the next attempt waits for nothing. */
      settings: z.string(),
    })
    .exactOptional(),
});

export type NameState = z.output<typeof nameState>;
export type Issued = NonNullable<NameState['issued']>;

/** The next thing to do for a name, and the date from which it is due. */
export interface Due {
  readonly step: 'issue' | 'ask';
  readonly at: number;
}

/**
 * Milliseconds after the first failure; each further one triples them, so that five fall into the first hour, up to the longest. No wait is
 * longer than a twentieth of the lifetime of the certificate in use: one that lives for minutes would end before the second attempt.
 */
const firstRetryMs = 60_000;
const longestRetryMs = 3_600_000;
const retriesInALifetime = 20;
/** Longest time that a Retry-After of an authority is followed. */
const longestWaitMs = 7 * 24 * 3_600_000;
/** Least age of a certificate, in milliseconds, at which it is renewed because the authority wants it. */
const settledMs = 24 * 3_600_000;
/** Bounds, in milliseconds, of the time between two questions for the date of the renewal, and the time if the authority names none (RFC 9773 section 4.3). */
const ask = { least: 60_000, most: 24 * 3_600_000, usual: 6 * 3_600_000 };

/** Digests by their settings: all names of an environment share them, and each look at what is due asks for each name. */
const digests = new WeakMap<AcmeSpec, string>();

/** Digest of the settings of an authority. */
export function settingsDigest(spec: AcmeSpec): string {
  const digest = digests.get(spec) ?? createHash('sha256').update(JSON.stringify(spec)).digest('base64url');
  digests.set(spec, digest);
  return digest;
}

/** The next step of a name. Another directory than that of its certificate makes a new certificate due. */
export function dueOf({ issued, failure }: NameState, spec: AcmeSpec): Due {
  const { directory } = spec;
  const retryAt = failure !== undefined && failure.settings === settingsDigest(spec) ? failure.retryAt : 0;
  if (issued === undefined || issued.directory !== directory) return { step: 'issue', at: retryAt };
  const renewal = Math.max(issued.renewAt, retryAt);
  return issued.askAt < renewal ? { step: 'ask', at: issued.askAt } : { step: 'issue', at: renewal };
}

/** State after a certificate was issued: it is renewed when a third of its lifetime is left, at a random moment around it. */
export function afterIssue(pair: Pick<Issued, 'directory' | 'chain' | 'key' | 'from' | 'until'>, now: number, random: Random): NameState {
  const third = (pair.until - pair.from) / 3;
  return { issued: { ...pair, renewAt: pair.until - jittered(third, random, 0.05), askAt: now } };
}

/** State after a failed attempt. The certificate, if there is one, stays. */
export function afterFailure(state: NameState, failure: AcmeFailure, spec: AcmeSpec, now: number, random: Random): NameState {
  const settings = settingsDigest(spec);
  const attempts = (state.failure?.settings === settings ? state.failure.attempts : 0) + 1;
  const { issued } = state;
  const mostMs = issued === undefined ? longestRetryMs : Math.min(longestRetryMs, (issued.until - issued.from) / retriesInALifetime);
  const backOffMs = jittered(Math.min(firstRetryMs * 3 ** Math.min(attempts - 1, 10), mostMs), random, 0.2);
  const wanted = Math.min(failure.retryAt ?? 0, now + longestWaitMs);
  // After the date that the authority named, not at it: others wait for the same date.
  const retryAt = Math.max(now + backOffMs, wanted === 0 ? 0 : wanted + backOffMs * 0.1);
  return { ...state, failure: { at: now, attempts, reason: failure.message, retryAt, settings } };
}

/** Time in which an authority wants a certificate to be renewed (RFC 9773 section 4.2). */
export interface RenewalWindow {
  readonly start: number;
  readonly end: number;
}

/**
 * State after the authority was asked when it wants the renewal.
 * @param window undefined: it does not say
 * @param askAt date that it named for the next question
 */
export function afterAnswer(
  issued: Issued,
  window: RenewalWindow | undefined,
  askAt: number | undefined,
  now: number,
  random: Random,
): Issued {
  const next = askAt === undefined ? now + ask.usual : Math.min(Math.max(askAt, now + ask.least), now + ask.most);
  const isUsable = window !== undefined && window.end > window.start && window.start < issued.until;
  if (!isUsable) return { ...issued, askAt: next };
  // An authority whose window is always past must not get an order after the other.
  const earliest = issued.from + Math.min(settledMs, (issued.until - issued.from) / 20);
  const latest = issued.until - (issued.until - issued.from) / 50;
  // The date that was drawn from a window stays, unless the authority has moved the window away from it.
  const stays = issued.renewAt >= window.start && issued.renewAt <= window.end;
  const drawn = window.start + (window.end - window.start) * random();
  return { ...issued, renewAt: stays ? issued.renewAt : Math.min(Math.max(drawn, earliest), latest), askAt: next };
}
