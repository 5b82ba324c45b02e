import { createHmac, randomBytes, scrypt, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { TLSSocket } from 'node:tls';
import { promisify } from 'node:util';
import { sessionField, sessionProtocol } from '../../api/session.ts';
import type { Clock } from '../../model/clock.ts';
import { SluiceError } from '../../model/fault.ts';
import { ownCookiePrefix } from '../../model/session-cookie.ts';
import { createVerifier } from './authorizer.ts';

/** Milliseconds that a session lasts: a working day. */
export const sessionMs = 12 * 3_600_000;
/** Sessions ended early (by signing out) that are remembered; beyond this, the one that was signed out first is forgotten. */
export const maxSignedOut = 4096;

const endBytes = 6;
const nonceBytes = 16;
const secretPattern = /^[\w-]{72}$/;
const keyPattern = /^[\w-]{43}$/;

/** The key of the sessions that were begun with one admin token. */
export interface SessionKey {
  readonly key: Buffer;
  /** True if an `Authorization` header carries that token. */
  readonly isFor: (authorization: string | undefined) => boolean;
}

/** Derives the key of each admin token. */
export function sessionKeys(adminTokens: readonly string[]): Promise<SessionKey[]> {
  return Promise.all(adminTokens.map(async (token) => ({ key: await sessionKey(token), isFor: createVerifier(token) })));
}

/**
 * Derives the key that signs sessions from the admin token. Sessions therefore survive a restart, are valid on every balancer with the same
 * token, and end when that token is no longer valid. The derivation is slow on purpose (scrypt, RFC 7914), so that a cookie does not help
 * to guess a short token.
 */
export function sessionKey(adminToken: string): Promise<Buffer> {
  return promisify<string, string, number, Buffer>(scrypt)(adminToken, 'sluice dashboard sessions', 32);
}

/**
 * The sessions of the dashboard. A session is a signed cookie that holds its own end time, and a key for it, so only sessions that were
 * signed out early are stored here. Browsers send the cookie to every port of its host; therefore it gives access only together with its
 * key, which the page keeps for its own origin and sends as a field. Wherever a request may change something, its `Origin` must also match
 * its `Host`.
 */
export class Sessions {
  readonly #clock: Clock;
  readonly #keys: () => readonly SessionKey[];
  /** End time of each signed-out session, by secret; in the order of signing out. */
  readonly #signedOut = new Map<string, number>();

  /** @param keys the keys that are valid at present */
  constructor(clock: Clock, keys: () => readonly SessionKey[]) {
    this.#clock = clock;
    this.#keys = keys;
  }

  /** Begins a session; returns the `Set-Cookie` field for it, and its key. It lasts as long as the token that the request has, or that its own session began with. */
  begin(request: IncomingMessage): { cookie: string; key: string } {
    const key = this.#keyOf(request);
    if (key === undefined) throw new SluiceError('unauthorized', 'the admin token of this session is no longer valid: sign in again');
    const claim = Buffer.alloc(endBytes + nonceBytes);
    claim.writeUIntBE(this.#clock.date() + sessionMs, 0, endBytes);
    randomBytes(nonceBytes).copy(claim, endBytes);
    const secret = Buffer.concat([claim, sign(claim, key)]).toString('base64url');
    return { cookie: setCookie(request, secret, sessionMs / 1000), key: keyFor(secret, key).toString('base64url') };
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
    if (this.#signerOf(secret) === undefined) return undefined;
    const end = Buffer.from(secret, 'base64url').readUIntBE(0, endBytes);
    return end > this.#clock.date() ? end : undefined;
  }

  /** Returns true if the request has a valid session and its key. Throws `forbidden` if it may change something and another page sent it. */
  admits(request: IncomingMessage): boolean {
    if (this.endOf(request) === undefined || !this.#hasKey(request)) return false;
    const readOnly = (request.method === 'GET' || request.method === 'HEAD') && request.headers.upgrade === undefined;
    if (!readOnly && !fromOwnPage(request)) {
      throw new SluiceError(
        'forbidden',
        'a signed-in browser may do this from the dashboard only (Origin must match Host): let a proxy in front pass Host on, or send the token',
      );
    }
    return true;
  }

  #hasKey(request: IncomingMessage): boolean {
    const secret = secretIn(request);
    const shown = keyIn(request);
    const signer = secret === undefined ? undefined : this.#signerOf(secret);
    return shown !== undefined && signer !== undefined && timingSafeEqual(shown, keyFor(secret as string, signer));
  }

  #keyOf(request: IncomingMessage): Buffer | undefined {
    const shown = this.#keys().find(({ isFor }) => isFor(request.headers.authorization));
    const secret = secretIn(request);
    return shown?.key ?? (secret === undefined ? undefined : this.#signerOf(secret));
  }

  /** Finds the key that signed a session. */
  #signerOf(secret: string): Buffer | undefined {
    const bytes = Buffer.from(secret, 'base64url');
    const claim = bytes.subarray(0, endBytes + nonceBytes);
    return this.#keys().find(({ key }) => timingSafeEqual(bytes.subarray(claim.length), sign(claim, key)))?.key;
  }
}

function sign(claim: Buffer, key: Buffer): Buffer {
  return createHmac('sha256', key).update(claim).digest();
}

/** Makes the key of a session. The cookie does not reveal it, and every balancer with the same admin token finds the same one. */
function keyFor(secret: string, key: Buffer): Buffer {
  return createHmac('sha256', key).update(`key of ${secret}`).digest();
}

/** The session's key that a request carries, as a field or, for a WebSocket, as a subprotocol. */
function keyIn({ headers }: IncomingMessage): Buffer | undefined {
  const offered = headers['sec-websocket-protocol']?.split(',').map((protocol) => protocol.trim());
  const shown = headers[sessionField] ?? offered?.find((protocol) => protocol.startsWith(sessionProtocol))?.slice(sessionProtocol.length);
  return typeof shown === 'string' && keyPattern.test(shown) ? Buffer.from(shown, 'base64url') : undefined;
}

/** Compares the page that sent the request (`Origin`, RFC 6454) with the host that it was sent to. */
function fromOwnPage({ headers: { origin, host } }: IncomingMessage): boolean {
  if (origin === undefined || host === undefined || !URL.canParse(origin)) return false;
  return new URL(origin).host === host.toLowerCase();
}

/** Includes the port, since browsers share cookies between ports: two balancers on one machine need two cookies. */
function cookieName(request: IncomingMessage): string {
  return `${ownCookiePrefix}${request.socket.localPort ?? 0}`;
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
  const secure = request.socket instanceof TLSSocket || request.headers['x-forwarded-proto'] === 'https' ? '; Secure' : '';
  return `${cookieName(request)}=${secret}; Path=/v1/; Max-Age=${maxAge}; HttpOnly; SameSite=Strict${secure}`;
}
