import { createHmac, randomBytes, scrypt, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { promisify } from 'node:util';
import type { Clock } from '../../model/clock.ts';
import { SluiceError } from '../../model/fault.ts';

/** How long somebody stays signed in, in milliseconds: a working day. */
export const sessionMs = 12 * 3_600_000;
/** Sessions signed out before their end that are remembered; the oldest is forgotten first. */
export const maxSignedOut = 4096;

const endBytes = 6;
const nonceBytes = 16;
const secretPattern = /^[\w-]{72}$/;

/**
 * The key of sessions, made from the admin token: so sessions outlive a restart, count on every balancer with the same token, and are all
 * over when the token changes. It is slow to make, so that a cookie is no help in guessing a short token (RFC 7914).
 */
export function sessionKey(adminToken: string): Promise<Buffer> {
  return promisify<string, string, number, Buffer>(scrypt)(adminToken, 'sluice dashboard sessions', 32);
}

/**
 * Who signed in to the dashboard. The browser's cookie says until when, signed with the key; here only what was signed out is remembered.
 * The cookie is for pages of this very origin: browsers send it along from other ports of the same host too, and so `Origin` is held
 * against `Host` wherever something may change.
 */
export class Sessions {
  readonly #clock: Clock;
  readonly #key: Buffer;
  /** When each would have ended, by secret; in the order they were signed out. */
  readonly #signedOut = new Map<string, number>();

  constructor(clock: Clock, key: Buffer = randomBytes(32)) {
    this.#clock = clock;
    this.#key = key;
  }

  /** Signs in; answers the `Set-Cookie` field. */
  begin(request: IncomingMessage): string {
    const claim = Buffer.alloc(endBytes + nonceBytes);
    claim.writeUIntBE(this.#clock.date() + sessionMs, 0, endBytes);
    randomBytes(nonceBytes).copy(claim, endBytes);
    return cookie(request, Buffer.concat([claim, this.#sign(claim)]).toString('base64url'), sessionMs / 1000);
  }

  /** Signs out; answers the `Set-Cookie` field that makes the browser forget. */
  end(request: IncomingMessage): string {
    const secret = secretIn(request);
    const end = this.endOf(request);
    if (secret !== undefined && end !== undefined) {
      for (const [known, ended] of this.#signedOut) {
        if (ended <= this.#clock.date() || this.#signedOut.size >= maxSignedOut) this.#signedOut.delete(known);
      }
      this.#signedOut.set(secret, end);
    }
    return cookie(request, '', 0);
  }

  /** When the session that the request shows ends (wall clock, milliseconds); undefined if it shows none, or one that is over. */
  endOf(request: IncomingMessage): number | undefined {
    const secret = secretIn(request);
    if (secret === undefined || this.#signedOut.has(secret)) return undefined;
    const bytes = Buffer.from(secret, 'base64url');
    const claim = bytes.subarray(0, endBytes + nonceBytes);
    if (!timingSafeEqual(bytes.subarray(claim.length), this.#sign(claim))) return undefined;
    const end = claim.readUIntBE(0, endBytes);
    return end > this.#clock.date() ? end : undefined;
  }

  /** Whether the request is of somebody signed in. Throws `forbidden` if it may change something and does not come from the dashboard's page. */
  admits(request: IncomingMessage): boolean {
    if (this.endOf(request) === undefined) return false;
    const harmless = (request.method === 'GET' || request.method === 'HEAD') && request.headers.upgrade === undefined;
    if (!harmless && !fromOwnPage(request)) {
      throw new SluiceError(
        'forbidden',
        'a signed-in browser may do this from the dashboard only (Origin and Host differ; a proxy in front must pass Host on): use the token instead',
      );
    }
    return true;
  }

  #sign(claim: Buffer): Buffer {
    return createHmac('sha256', this.#key).update(claim).digest();
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
  return secret !== undefined && secretPattern.test(secret) ? secret : undefined;
}

/** RFC 6265, section 4.1. The path keeps it away from what else is served on this host. */
function cookie(request: IncomingMessage, secret: string, maxAge: number): string {
  // Whoever claims TLS without having it only loses a cookie of their own.
  const secure = request.headers['x-forwarded-proto'] === 'https' ? '; Secure' : '';
  return `${nameFor(request)}=${secret}; Path=/v1/; Max-Age=${maxAge}; HttpOnly; SameSite=Strict${secure}`;
}
