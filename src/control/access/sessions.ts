import { createHmac, randomBytes, scrypt, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { promisify } from 'node:util';
import type { Clock } from '../../model/clock.ts';
import { SluiceError } from '../../model/fault.ts';

/** Milliseconds that a session lasts: a working day. */
export const sessionMs = 12 * 3_600_000;
/** Sessions ended early (by signing out) that are remembered; beyond this, the one that was signed out first is forgotten. */
export const maxSignedOut = 4096;

const endBytes = 6;
const nonceBytes = 16;
const secretPattern = /^[\w-]{72}$/;

/**
 * Derives the key that signs sessions from the admin token. Sessions therefore survive a restart, are valid on every balancer with the same
 * token, and become invalid when the token changes. The derivation is slow on purpose (scrypt, RFC 7914), so that a cookie does not help
 * to guess a short token.
 */
export function sessionKey(adminToken: string): Promise<Buffer> {
  return promisify<string, string, number, Buffer>(scrypt)(adminToken, 'sluice dashboard sessions', 32);
}

/**
 * The sessions of the dashboard. A session is a signed cookie that holds its own end time, so only sessions that were signed out early are
 * stored here. Browsers also send the cookie with requests from pages on other ports of the same host; wherever a request may change
 * something, its `Origin` must therefore match its `Host`.
 */
export class Sessions {
  readonly #clock: Clock;
  readonly #key: Buffer;
  /** End time of each signed-out session, by secret; in the order of signing out. */
  readonly #signedOut = new Map<string, number>();

  constructor(clock: Clock, key: Buffer = randomBytes(32)) {
    this.#clock = clock;
    this.#key = key;
  }

  /** Begins a session and returns the `Set-Cookie` field for it. */
  begin(request: IncomingMessage): string {
    const claim = Buffer.alloc(endBytes + nonceBytes);
    claim.writeUIntBE(this.#clock.date() + sessionMs, 0, endBytes);
    randomBytes(nonceBytes).copy(claim, endBytes);
    return setCookie(request, Buffer.concat([claim, this.#sign(claim)]).toString('base64url'), sessionMs / 1000);
  }

  /** Ends the session of a request and returns the `Set-Cookie` field that deletes the cookie. */
  end(request: IncomingMessage): string {
    const secret = secretIn(request);
    const end = this.endOf(request);
    if (secret !== undefined && end !== undefined) {
      for (const [known, ended] of this.#signedOut) {
        if (ended <= this.#clock.date() || this.#signedOut.size >= maxSignedOut) this.#signedOut.delete(known);
      }
      this.#signedOut.set(secret, end);
    }
    return setCookie(request, '', 0);
  }

  /** Returns the end of the request's session (wall clock, milliseconds); undefined if it has no valid session. */
  endOf(request: IncomingMessage): number | undefined {
    const secret = secretIn(request);
    if (secret === undefined || this.#signedOut.has(secret)) return undefined;
    const bytes = Buffer.from(secret, 'base64url');
    const claim = bytes.subarray(0, endBytes + nonceBytes);
    if (!timingSafeEqual(bytes.subarray(claim.length), this.#sign(claim))) return undefined;
    const end = claim.readUIntBE(0, endBytes);
    return end > this.#clock.date() ? end : undefined;
  }

  /** Returns true if the request has a valid session. Throws `forbidden` if it may change something and another page sent it. */
  admits(request: IncomingMessage): boolean {
    if (this.endOf(request) === undefined) return false;
    const readOnly = (request.method === 'GET' || request.method === 'HEAD') && request.headers.upgrade === undefined;
    if (!readOnly && !fromOwnPage(request)) {
      throw new SluiceError(
        'forbidden',
        'a signed-in browser may do this from the dashboard only (Origin must match Host): let a proxy in front pass Host on, or send the token',
      );
    }
    return true;
  }

  #sign(claim: Buffer): Buffer {
    return createHmac('sha256', this.#key).update(claim).digest();
  }
}

/** Compares the page that sent the request (`Origin`, RFC 6454) with the host that it was sent to. */
function fromOwnPage({ headers: { origin, host } }: IncomingMessage): boolean {
  if (origin === undefined || host === undefined || !URL.canParse(origin)) return false;
  return new URL(origin).host === host.toLowerCase();
}

/** Includes the port, since browsers share cookies between ports: two balancers on one machine need two cookies. */
function cookieName(request: IncomingMessage): string {
  return `sluice-session-${request.socket.localPort ?? 0}`;
}

function secretIn(request: IncomingMessage): string | undefined {
  const start = `${cookieName(request)}=`;
  const pair = request.headers.cookie
    ?.split(';')
    .map((part) => part.trim())
    .find((part) => part.startsWith(start));
  const secret = pair?.slice(start.length);
  return secret !== undefined && secretPattern.test(secret) ? secret : undefined;
}

/** Writes a `Set-Cookie` field (RFC 6265, section 4.1). Its path keeps the cookie from other services on the same host. */
function setCookie(request: IncomingMessage, secret: string, maxAge: number): string {
  // The client can forge this field, but a browser without TLS would then only drop its own cookie.
  const secure = request.headers['x-forwarded-proto'] === 'https' ? '; Secure' : '';
  return `${cookieName(request)}=${secret}; Path=/v1/; Max-Age=${maxAge}; HttpOnly; SameSite=Strict${secure}`;
}
