import { createHash, randomBytes } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { Clock } from '../model/clock.ts';
import { SluiceError } from '../model/fault.ts';

/** How long somebody stays signed in, in milliseconds: a working day. */
export const sessionMs = 12 * 3_600_000;
/** At a time; the oldest goes when one more signs in. */
export const maxSessions = 256;

/**
 * Who signed in to the dashboard. The secret is in the browser's cookie, its digest in memory only: a restart signs everybody out.
 * The cookie is for pages of this very origin: browsers send it along from other ports of the same host too, and so `Origin` is held
 * against `Host` wherever something may change.
 */
export class Sessions {
  readonly #clock: Clock;
  /** When each ends, by digest; oldest first. */
  readonly #ends = new Map<string, number>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Signs in; answers the `Set-Cookie` field. */
  begin(request: IncomingMessage): string {
    for (const [digest, end] of this.#ends) if (end <= this.#clock.now() || this.#ends.size >= maxSessions) this.#ends.delete(digest);
    const secret = randomBytes(32).toString('base64url');
    this.#ends.set(digestOf(secret), this.#clock.now() + sessionMs);
    return cookie(request, secret, sessionMs / 1000);
  }

  /** Signs out; answers the `Set-Cookie` field that makes the browser forget. */
  end(request: IncomingMessage): string {
    const secret = secretIn(request);
    if (secret !== undefined) this.#ends.delete(digestOf(secret));
    return cookie(request, '', 0);
  }

  /** Whether the request is of somebody signed in. Throws `forbidden` if it may change something and does not come from the dashboard's page. */
  admits(request: IncomingMessage): boolean {
    const secret = secretIn(request);
    const end = secret === undefined ? undefined : this.#ends.get(digestOf(secret));
    if (end === undefined || end <= this.#clock.now()) return false;
    const harmless = (request.method === 'GET' || request.method === 'HEAD') && request.headers.upgrade === undefined;
    if (!harmless && !fromOwnPage(request)) {
      throw new SluiceError(
        'forbidden',
        'a signed-in browser may do this from the dashboard only (Origin and Host differ; a proxy in front must pass Host on): use the token instead',
      );
    }
    return true;
  }
}

/** RFC 6454: what a browser says of the page that asks. */
function fromOwnPage({ headers: { origin, host } }: IncomingMessage): boolean {
  if (origin === undefined || host === undefined || !URL.canParse(origin)) return false;
  return new URL(origin).host === host.toLowerCase();
}

/** By port, since cookies know none: two balancers on one machine keep apart. */
function nameFor(request: IncomingMessage): string {
  return `sluice-session-${request.socket.localPort ?? 0}`;
}

function secretIn(request: IncomingMessage): string | undefined {
  const start = `${nameFor(request)}=`;
  const pair = request.headers.cookie
    ?.split(';')
    .map((part) => part.trim())
    .find((part) => part.startsWith(start));
  const secret = pair?.slice(start.length);
  return secret !== undefined && /^[\w-]{43}$/.test(secret) ? secret : undefined;
}

/** RFC 6265, section 4.1. The path keeps it away from what else is served on this host. */
function cookie(request: IncomingMessage, secret: string, maxAge: number): string {
  // Whoever claims TLS without having it only loses a cookie of their own.
  const secure = request.headers['x-forwarded-proto'] === 'https' ? '; Secure' : '';
  return `${nameFor(request)}=${secret}; Path=/v1/; Max-Age=${maxAge}; HttpOnly; SameSite=Strict${secure}`;
}

function digestOf(secret: string): string {
  return createHash('sha256').update(secret).digest('base64');
}
