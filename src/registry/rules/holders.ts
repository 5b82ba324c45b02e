import { createHash, timingSafeEqual } from 'node:crypto';
import { parseAddress } from '../../model/address.ts';
import { SluiceError } from '../../model/fault.ts';
import type { JoinRequest } from '../../model/join.ts';
import type { ServerRecord } from '../../model/server.ts';
import type { Caller } from '../contract.ts';
import type { HeldRecord, Holder } from '../documents.ts';

/** Notes who registers a server: the digest of its secret, and through which door. Undefined if nothing is known. */
export function holderOf({ secret }: Pick<JoinRequest, 'secret'>, caller: Caller | undefined): Holder | undefined {
  const holder: Holder = {
    ...(secret !== undefined && { secret: digest(secret) }),
    ...(caller !== undefined && { from: caller.address }),
    ...(caller?.environment !== undefined && { environment: caller.environment }),
  };
  return Object.keys(holder).length === 0 ? undefined : holder;
}

/** Returns the record without its holder: as everything outside the rules may see it. */
export function withoutHolder({ holder: _, ...record }: HeldRecord): ServerRecord {
  return record;
}

/**
 * True if the program that calls proves that it holds the id: by the secret, if the server registered with one; otherwise by calling from the
 * address from which the server registered.
 */
export function isHolder({ holder = {} }: HeldRecord, secret: string | undefined, caller: Caller | undefined): boolean {
  if (holder.secret !== undefined) return secret !== undefined && timingSafeEqual(Buffer.from(digest(secret)), Buffer.from(holder.secret));
  return caller === undefined || holder.from === undefined || holder.from === caller.address;
}

/**
 * Throws `conflict` if a join would take a live id from another program. An id is live while its lease lasts. It is live, too, while the
 * balancer sees the server healthy at an address other than the requested one. A server without a secret may be replaced from its own host.
 */
export function mustNotTakeOver(held: HeldRecord, leaseRemaining: number, request: JoinRequest, caller: Caller | undefined): void {
  const isSame = held.instance === request.instance;
  if (isSame && caller === undefined) return;
  const isLive = leaseRemaining > 0 || (held.address !== request.address && caller?.isHealthy(held.id) === true);
  if (!isLive) return;
  const isProven = isHolder(held, request.secret, caller) && (held.holder?.secret !== undefined || isSameDoor(held, request));
  if (isProven && (isSame || request.yields === undefined)) return;
  const seconds = Math.max(1, Math.ceil(leaseRemaining / 1000));
  const end = leaseRemaining > 0 ? `until its lease ends, in at most ${seconds} s unless it is renewed` : 'until it is stopped';
  throw new SluiceError(
    'conflict',
    `another gateway runs as "${held.id}"; give each its own --id. A restarted one takes its id back at once if it finds its data folder again; without the folder it has to wait ${end}`,
  );
}

/** Throws `forbidden` if a server is, or would be, in an environment that the caller's token is not for. */
export function mustBeWithin(caller: Caller | undefined, environment: string | undefined): void {
  const own = caller?.environment;
  if (own === undefined || environment === undefined || environment === own) return;
  throw new SluiceError(
    'forbidden',
    `this token lets in servers of "${own}" only: start the server with --environment ${own} and an id that no server of another environment has, or give it a token for its environment (control.tokens.joinFor) or for all (control.tokens.join)`,
  );
}

/** Throws `conflict` if an operator moves a server into an environment that the token of the server is not for. */
export function mustBeFor({ id, holder }: HeldRecord, environment: string | undefined): void {
  const own = holder?.environment;
  if (own === undefined || environment === undefined || environment === own) return;
  throw new SluiceError(
    'conflict',
    `server "${id}" registered with a token for "${own}" only: restart it with a token for "${environment}" (control.tokens.joinFor) or for all environments (control.tokens.join)`,
  );
}

function isSameDoor(held: HeldRecord, request: JoinRequest): boolean {
  return held.source === request.source && parseAddress(held.address).host === parseAddress(request.address).host;
}

function digest(secret: string): string {
  return createHash('sha256').update(secret).digest('hex');
}
