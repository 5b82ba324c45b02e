import { SluiceError } from '../../model/fault.ts';
import type { JoinAnswer, JoinRequest, Renewal } from '../../model/join.ts';
import { concerns, type News } from '../../model/news.ts';
import type { Caller, Registry } from '../contract.ts';
import type { MethodName } from './methods.ts';

/** The server that a session registered: an id and an instance. */
type Registered = Pick<JoinRequest, 'id' | 'instance'>;

/**
 * The limits of a session with a join token: it may register one server, read that server's record, its environment's snapshot, the revisions that run
 * there and the consumers that can call them, and hear news of these. The first join or renewal that succeeds decides which server it is.
 */
export class SessionScope {
  readonly #registry: Pick<Registry, 'server'>;
  readonly #caller: Caller;
  /** Server of the first join or renewal. Set while that call is under way, so that two calls cannot name two servers. */
  #server: Registered | undefined;
  #joined = false;
  #environment: string | undefined;
  /** Joins and renewals under way. */
  #registering = 0;
  /** True if news arrived during a join or renewal that might have concerned its environment, which was not known yet. */
  #missed = false;

  constructor(registry: Pick<Registry, 'server'>, caller: Caller) {
    this.#registry = registry;
    this.#caller = caller;
  }

  /** Id of the server; undefined before it has joined. */
  get id(): string | undefined {
    return this.#joined ? this.#server?.id : undefined;
  }

  /** Throws `forbidden` for news of other servers. Without an id the session would hear everything. */
  admitWatch(server: string | undefined): void {
    if (server === undefined || (this.#server !== undefined && server !== this.#server.id))
      throw forbidden('may hear only of its own server');
  }

  /** Throws `forbidden` unless the call is about the session's own server. */
  async admit(name: MethodName, params: unknown): Promise<void> {
    if (name === 'join' || name === 'renew') this.#mustBeOwn(params as Registered);
    else if (name === 'leave') {
      if (!this.#joined) throw forbidden('may end only the lease of a server that joined on the same connection');
      this.#mustBeOwn(params as Registered);
    } else if (name === 'server') {
      const { id } = params as { id: string };
      if (id !== this.id || (await this.#record()) === undefined) throw forbidden('may read only its own server');
    } else if (name === 'snapshot') {
      const { environment } = params as { environment: string };
      const own = await this.#ownEnvironment();
      if (own === undefined || own !== environment) throw forbidden("may read only its own environment's snapshot");
    } else if (name === 'limits') {
      if ((params as { gateway: string }).gateway !== this.id) throw forbidden('may share limits only as its own server');
    } else if (name === 'revisions') {
      if ((await this.#ownEnvironment()) === undefined) throw forbidden("may read only its own environment's revisions");
    } else if (name === 'callersId' || name === 'callerParts') {
      if ((await this.#ownEnvironment()) === undefined) throw forbidden('may read callers only for a server in an environment');
    } else throw forbidden(`may not call ${name}`);
  }

  /** Makes the call of an admitted method: passes on what the registry must know of the caller. */
  async call<T>(name: MethodName, params: unknown, call: (params: unknown, caller: Caller | undefined) => Promise<T>): Promise<T> {
    if (name === 'leave') {
      const result = await call(params, undefined);
      this.#server = undefined;
      this.#joined = false;
      this.#environment = undefined;
      return result;
    }
    if (name === 'revisions' || name === 'callersId' || name === 'callerParts')
      return call({ ...(params as object), environment: (await this.#ownEnvironment()) ?? '' }, undefined);
    if (name !== 'join' && name !== 'renew') return call(params, undefined);
    return (await this.#register(name, params as JoinRequest | Renewal, call as (params: unknown, caller?: Caller) => Promise<never>)) as T;
  }

  /** True if the session gets this news. `watched` is the server whose news it asked for. */
  hears(news: News, watched: string): boolean {
    if (news.kind === 'resync') return true;
    // The session itself knows whether its peer understands these.
    if (news.kind === 'callers') return false;
    const own = news.kind === 'server' ? this.id : this.#environment;
    if (news.kind !== 'project' && news.name === own && (news.kind !== 'server' || watched === own)) return concerns(news, watched);
    if (this.#registering > 0 && (news.kind === 'server' ? news.name === this.#server?.id : news.kind !== 'project')) this.#missed = true;
    return false;
  }

  /** News that makes the gateway read again what it may have missed since this was last called; undefined: nothing was missed. */
  takeMissed(): News | undefined {
    const { id } = this;
    if (!this.#missed || id === undefined || this.#registering > 0) return undefined;
    this.#missed = false;
    return { kind: 'server', name: id };
  }

  async #register(
    name: 'join' | 'renew',
    params: JoinRequest | Renewal,
    call: (params: unknown, caller?: Caller) => Promise<JoinAnswer>,
  ): Promise<JoinAnswer> {
    const { id, instance } = params;
    this.#server ??= { id, instance };
    if ('environment' in params && !this.#joined) this.#environment = params.environment;
    this.#registering++;
    try {
      // A renewal on a connection that has proven who it is needs no further proof.
      const caller = name === 'renew' && this.#joined ? undefined : this.#caller;
      const answer = await call('source' in params ? { ...params, source: 'join' } : params, caller);
      const { environment } = answer.server;
      if (this.#caller.environment !== undefined && environment !== undefined && environment !== this.#caller.environment)
        throw forbidden(`lets in servers of "${this.#caller.environment}" only`);
      this.#joined = true;
      this.#environment = environment;
      return answer;
    } finally {
      this.#registering--;
      if (!this.#joined && this.#registering === 0) this.#server = undefined;
    }
  }

  #mustBeOwn({ id, instance }: Registered): void {
    if (this.#server === undefined || (this.#server.id === id && this.#server.instance === instance)) return;
    throw forbidden(`registers one server, "${this.#server.id}", on this connection: open another connection for another server`);
  }

  /** The present record of the session's server; undefined if it has none, or another instance has taken the id over. */
  async #record() {
    if (!this.#joined || this.#server === undefined) return undefined;
    const record = await this.#registry.server(this.#server.id);
    return record?.instance === this.#server.instance ? record : undefined;
  }

  /** Environment of the session's server; undefined while it is in none, or in one that the token is not for, where an operator put it. */
  async #ownEnvironment(): Promise<string | undefined> {
    const own = (await this.#record())?.environment;
    return this.#caller.environment === undefined || this.#caller.environment === own ? own : undefined;
  }
}

/** Makes a `forbidden` refusal of something that a join token does not allow. */
export function forbidden(what: string): SluiceError {
  return new SluiceError('forbidden', `the join token ${what}; the admin token may do everything`);
}
