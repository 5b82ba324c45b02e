import type { IncomingMessage } from 'node:http';
import type { Grant } from '../../model/access.ts';
import { SluiceError } from '../../model/fault.ts';
import { networkOf } from '../../model/ip-address.ts';
import { leaseSecret } from '../../model/join.ts';
import type { LiveView } from '../../model/live.ts';
import type { Caller } from '../../registry/contract.ts';
import { type JoinLimits, noJoinLimits } from '../../registry/remote/join-limits.ts';
import type { JoinRefusals } from '../../registry/remote/join-refusals.ts';
import type { Callers } from './callers.ts';

/** Dependencies of {@link Registrants}. */
export interface RegistrantsOptions {
  readonly grantOf: (authorization: string | undefined) => Grant | undefined;
  readonly refusals: JoinRefusals;
  readonly limits?: (() => JoinLimits) | undefined;
  readonly live: Pick<LiveView, 'serversNamed'>;
  readonly callers: Callers;
}

/** Says of requests by plain HTTP what their token allows to register, and notes those that are refused. */
export class Registrants {
  readonly refusals: JoinRefusals;
  readonly #options: RegistrantsOptions;

  constructor(options: RegistrantsOptions) {
    this.#options = options;
    this.refusals = options.refusals;
  }

  /** Returns the caller that the registry checks; undefined for an admin. Throws `invalid` for a malformed `Lease-Secret` field. */
  of(request: IncomingMessage): Caller | undefined {
    const { live, limits = () => noJoinLimits } = this.#options;
    const grant = this.#options.grantOf(request.headers.authorization);
    if (grant?.access !== 'join') return undefined;
    const secret = secretIn(request);
    return {
      plain: true,
      address: clientNetwork(this.#options.callers, request),
      mostServers: limits().servers,
      isHealthy: (id) => isHealthy(live, id),
      ...(grant.environment !== undefined && { environment: grant.environment }),
      ...(secret !== undefined && { secret }),
    };
  }

  /** True if the request's token lets in servers of one environment only: it must not read what concerns all of them. */
  isScoped(request: IncomingMessage): boolean {
    return this.#options.grantOf(request.headers.authorization)?.environment !== undefined;
  }

  /** Counts and logs an error that is a refusal of a registration. */
  noteError(request: IncomingMessage, error: unknown): void {
    if (error instanceof SluiceError)
      this.refusals.noteError(
        error,
        clientNetwork(this.#options.callers, request),
        this.#options.grantOf(request.headers.authorization)?.token,
      );
  }

  noteWrongToken(request: IncomingMessage): void {
    this.refusals.note('token', clientNetwork(this.#options.callers, request), 'its token is not valid');
  }
}

/** Reads the `Lease-Secret` field of a registration by plain HTTP. */
export function secretIn({ headers: { 'lease-secret': field } }: IncomingMessage): string | undefined {
  if (field === undefined) return undefined;
  const { success, data, error } = leaseSecret.safeParse(field);
  if (success) return data;
  throw new SluiceError('invalid', `the field Lease-Secret ${error.issues[0]?.message}`);
}

/** True if the balancer sees the server with this id healthy. */
export function isHealthy(live: Pick<LiveView, 'serversNamed'>, id: string): boolean {
  return live.serversNamed(id).some(({ health }) => health === 'up');
}

/** Names the network of a request's client: limits and proofs count for all of its addresses. */
export function clientNetwork(callers: Callers, request: IncomingMessage): string {
  return networkOf(callers.of(request).address);
}
