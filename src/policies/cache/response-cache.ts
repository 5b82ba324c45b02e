import type { HeaderFields, ResponseView } from '../../http1/message/message-view.ts';
import type { Clock } from '../../model/clock.ts';
import type { Decision, PolicyContext } from '../contract.ts';
import { refuse } from '../refusal.ts';
import { answerFrom, validatorsOf } from './answers.ts';
import { CacheStore } from './cache-store.ts';
import type { PurgedCache } from './caches.ts';
import { directivesOf, secondsIn } from './directives.ts';
import { type Flight, Flights } from './flights.ts';
import { freshnessOf } from './freshness.ts';
import { keyNamed, keyOf, ReceivedRequest } from './received-request.ts';
import { Recording } from './recording.ts';
import { ageOf, linesOf, type StoredResponse, updatedLines } from './stored-response.ts';
import { mayStore, sharesGuarded } from './storing.ts';
import { variantOf, varyingFields } from './variant.ts';

/** Settings of one cache. */
export interface CacheSettings {
  readonly maxBytes: number;
  readonly maxObjectBytes: number;
  /** Milliseconds for which a response without freshness is fresh. */
  readonly ttl: number;
  readonly authorized: boolean;
}

/** When the target was asked for a response, and how many purges there had been. */
interface Asked {
  readonly at: number;
  readonly purges: number;
}

const safe: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE']);
const notCached = { status: 504, code: 'not-cached', title: 'The client wants a stored response only, and there is none that may be used' };

/** A shared cache of responses (RFC 9111). */
export class ResponseCache implements PurgedCache {
  readonly #store: CacheStore;
  readonly #settings: CacheSettings;
  readonly #clock: Clock;
  readonly #flights: Flights;
  /** Purges so far: what was asked for before the latest one is not stored. */
  #purges = 0;
  /** Responses that came until then are confirmed before they are used. */
  #doubtedUntil = Number.NEGATIVE_INFINITY;

  constructor(settings: CacheSettings, clock: Clock) {
    this.#store = new CacheStore(settings.maxBytes);
    this.#settings = settings;
    this.#clock = clock;
    this.#flights = new Flights(clock);
  }

  /** Answers a request from the cache, lets it wait for another one's response, or lets it go on to the target. */
  decide(context: PolicyContext): Decision | Promise<Decision> {
    const { method } = context.request;
    if (method === 'GET' || method === 'HEAD') return this.#serve(context, new ReceivedRequest(context), '');
    const request = method === 'POST' ? new ReceivedRequest(context) : undefined;
    request?.keep();
    const asked = this.#asking();
    context.onResponse((response) => {
      const { status, headers } = response;
      if (!safe.has(method) && status >= 200 && status < 400) this.#invalidate(context, headers);
      const about = headers.get('content-location');
      // The response says what a GET would get (RFC 9110 section 9.3.3).
      const forGet = status === 200 && about !== undefined && request?.names(about) === true;
      const recorded = forGet && this.#record(context, request, response, asked, undefined);
      headers.remove('Cache-Tag');
      headers.add('Cache-Status', `sluice; fwd=method${recorded ? '; stored' : ''}`);
    });
    return undefined;
  }

  /** @param waited parameter of Cache-Status, if the request has waited for another one */
  #serve(context: PolicyContext, request: ReceivedRequest, waited: '' | '; collapsed'): Decision | Promise<Decision> {
    const now = this.#clock.date();
    const { key } = request;
    const variants = this.#store.variants(key);
    const found = variants.find(({ varying, variant }) => variant === variantOf(request, varying));
    const mine = !request.guarded || this.#settings.authorized || (found !== undefined && sharesGuarded(found.directives));
    const stored = mine ? found : undefined;
    const trusted = stored !== undefined && stored.receivedAt > this.#doubtedUntil;
    if (stored !== undefined && trusted && isFresh(stored, request, now)) {
      const left = Math.floor((stored.freshness.lifetime - ageOf(stored, now)) / 1000);
      return answerFrom(stored, request, now, `hit; ttl=${left}${waited}`);
    }
    if (stored !== undefined && trusted && !request.unwilling && isBeingRenewed(stored, now)) {
      if (request.method === 'GET') this.#renew(context, request, stored);
      return answerFrom(stored, request, now, `hit; ttl=${Math.floor((stored.freshness.lifetime - ageOf(stored, now)) / 1000)}`);
    }
    if (request.directives.has('only-if-cached')) return refuse(context, notCached);
    const known = stored === undefined ? (variants.length > 0 ? 'vary-miss' : 'uri-miss') : request.unwilling ? 'request' : 'stale';
    const reason = mine ? known : 'bypass';
    const flight = this.#collapsible(request) && waited === '' ? this.#flights.of(key) : undefined;
    if (flight !== undefined) {
      request.keep();
      return flight
        .wait(this.#clock, (done) => context.onEnd(done))
        .then((landing) => (landing === 'lost' ? this.#serve(context, request, '') : this.#serve(context, request, '; collapsed')));
    }
    const own = this.#collapsible(request) && waited === '' ? this.#flights.begin(key) : undefined;
    this.#fetch(context, request, stored, `fwd=${reason}${waited}`, own);
    return undefined;
  }

  /** Asks the target in the background about a response that is being used although stale, unless a request for it is under way. */
  #renew(context: PolicyContext, request: ReceivedRequest, stored: StoredResponse): void {
    const flight = this.#flights.of(request.key) === undefined ? this.#flights.begin(request.key) : undefined;
    if (flight === undefined) return;
    const begun = context.again((copy) => {
      for (const name of ['Range', 'If-Range', 'If-Match', 'If-Unmodified-Since']) copy.request.headers.remove(name);
      this.#fetch(copy, request, stored, 'fwd=stale', flight);
    });
    if (!begun) flight.land('lost');
  }

  /** Requests that others may wait for, and that may wait for others. */
  #collapsible(request: ReceivedRequest): boolean {
    return (
      request.method === 'GET' &&
      !request.unwilling &&
      !request.directives.has('no-store') &&
      request.get('range') === undefined &&
      (!request.guarded || this.#settings.authorized)
    );
  }

  /** Lets the request go on to the target, to confirm what is stored if it can, and looks at what comes back. */
  #fetch(
    context: PolicyContext,
    request: ReceivedRequest,
    stored: StoredResponse | undefined,
    status: string,
    flight: Flight | undefined,
  ): void {
    const asked = this.#asking();
    request.keep();
    if (stored !== undefined) askToConfirm(context.request.headers, stored);
    if (flight !== undefined) context.onEnd(() => flight.land('lost'));
    context.onFailure(() => {
      const now = this.#clock.date();
      return stored && bridgesErrors(stored, now) ? answerFrom(stored, request, now, `hit; ${status}`) : undefined;
    });
    context.onResponse((response) => {
      const now = this.#clock.date();
      const { headers } = response;
      const seen = `${status}; fwd-status=${response.status}`;
      if (stored !== undefined && response.status === 304) {
        const confirmed = this.#confirmed(stored, request, response, asked);
        flight?.land('stored');
        context.answerInstead(answerFrom(confirmed, request, now, seen));
      } else if (stored !== undefined && response.status >= 500 && bridgesErrors(stored, now)) {
        flight?.land('unusable');
        context.answerInstead(answerFrom(stored, request, now, `hit; ${seen}`));
      } else {
        const recorded = this.#record(context, request, response, asked, flight);
        if (!recorded) {
          if (stored !== undefined && response.status < 500) this.#store.remove(request.key);
          flight?.land('unusable');
        }
        headers.remove('Cache-Tag');
        headers.add('Cache-Status', `sluice; ${seen}${recorded ? '; stored' : ''}`);
      }
    });
  }

  /** Stores what a 304 says about a stored response. */
  #confirmed(stored: StoredResponse, request: ReceivedRequest, { headers }: ResponseView, asked: Asked): StoredResponse {
    const now = this.#clock.date();
    const lines = updatedLines(stored.lines, datedLines(headers, now));
    const directives = directivesOf(lines['cache-control']?.join(', '));
    const freshness = freshnessOf(fieldsIn(lines, headers.all('age')), directives, this.#settings.ttl, now, now - asked.at);
    const confirmed = { ...stored, lines, directives, freshness, receivedAt: now };
    if (!directives.has('no-store') && !directives.has('private')) this.#put(request.key, confirmed, asked);
    return confirmed;
  }

  /** Stores the response once its body is complete; false: it may not be stored. */
  #record(context: PolicyContext, request: ReceivedRequest, response: ResponseView, asked: Asked, flight: Flight | undefined): boolean {
    const { headers, status } = response;
    const { maxObjectBytes, ttl, authorized } = this.#settings;
    const receivedAt = this.#clock.date();
    const directives = directivesOf(headers.get('cache-control'));
    const freshness = freshnessOf(headers, directives, ttl, receivedAt, receivedAt - asked.at);
    const varying = varyingFields(headers.get('vary'));
    if (varying === undefined || Number(headers.get('content-length') ?? 0) > maxObjectBytes) return false;
    if (!mayStore(request, response, directives, freshness, authorized)) return false;
    const tags = (headers.get('cache-tag') ?? '').split(',').flatMap((tag) => tag.trim() || []);
    const rest = {
      status,
      lines: datedLines(headers, receivedAt),
      directives,
      freshness,
      receivedAt,
      varying,
      variant: variantOf(request, varying),
      tags,
    };
    const recording = new Recording(this.#store, maxObjectBytes, (body) => {
      const stored = body !== undefined && this.#put(request.key, { ...rest, body }, asked);
      flight?.land(stored ? 'stored' : 'lost');
    });
    context.observeResponse(recording);
    return true;
  }

  #asking(): Asked {
    return { at: this.#clock.date(), purges: this.#purges };
  }

  /** Stores a response, unless there was a purge since it was asked for: the target may have made it before that. */
  #put(key: string, response: StoredResponse, asked: Asked): boolean {
    if (asked.purges !== this.#purges) return false;
    this.#store.put(key, response);
    return true;
  }

  purge(matches: (key: string, response: StoredResponse) => boolean): number {
    this.#purges++;
    return this.#store.purge(matches);
  }

  doubt(): void {
    this.#doubtedUntil = this.#clock.date();
  }

  /** After an unsafe request has succeeded: forgets its URL, and what Location and Content-Location name (RFC 9111 section 4.4). */
  #invalidate({ request, secure }: PolicyContext, headers: HeaderFields): void {
    const own = keyOf(secure, request.authority, request.target);
    const named = [headers.get('location'), headers.get('content-location')].map((url) => url && keyNamed(url, own));
    for (const key of [own, ...named]) if (key) this.#store.remove(key);
  }
}

/** The stored response may be used without asking the target (RFC 9111 sections 4.2 and 5.2.1). */
function isFresh(stored: StoredResponse, request: ReceivedRequest, now: number): boolean {
  if (stored.directives.has('no-cache') || request.unwilling) return false;
  const age = ageOf(stored, now);
  const oldest = secondsIn(request.directives, 'max-age');
  const margin = secondsIn(request.directives, 'min-fresh') ?? 0;
  return stored.freshness.lifetime - age > margin * 1000 && (oldest === undefined || age <= oldest * 1000);
}

/** The stored response may be used, although stale, while it is being confirmed (RFC 5861 section 3). */
function isBeingRenewed(stored: StoredResponse, now: number): boolean {
  return isStaleFor('stale-while-revalidate', stored, now);
}

/** The stored response may be used, although stale, because the target has failed (RFC 5861 section 4). */
function bridgesErrors(stored: StoredResponse, now: number): boolean {
  return isStaleFor('stale-if-error', stored, now);
}

function isStaleFor(reason: string, stored: StoredResponse, now: number): boolean {
  const { directives, freshness } = stored;
  if (['must-revalidate', 'proxy-revalidate', 'no-cache'].some((name) => directives.has(name))) return false;
  const seconds = secondsIn(directives, reason);
  return seconds !== undefined && ageOf(stored, now) <= freshness.lifetime + seconds * 1000;
}

/** The fields of a response that are stored; without a date it has the one of its arrival (RFC 9110 section 6.6.1). */
function datedLines(headers: HeaderFields, receivedAt: number): StoredResponse['lines'] {
  return { date: [new Date(receivedAt).toUTCString()], ...linesOf(headers) };
}

/** Makes a request conditional on the stored response. */
function askToConfirm(headers: HeaderFields, stored: StoredResponse): void {
  const { etag, lastModified } = validatorsOf(stored);
  if (etag === undefined && lastModified === undefined) return;
  for (const name of ['If-None-Match', 'If-Modified-Since']) headers.remove(name);
  if (etag !== undefined) headers.set('If-None-Match', etag);
  if (lastModified !== undefined) headers.set('If-Modified-Since', lastModified);
}

/** Fields of stored lines, as freshness reads them. */
function fieldsIn(lines: StoredResponse['lines'], ages: string[]): Pick<HeaderFields, 'get' | 'all'> {
  return { get: (name) => lines[name]?.join(', '), all: (name) => (name === 'age' ? ages : [...(lines[name] ?? [])]) };
}
