declare module 'oidc-provider' {
  import type { EventEmitter } from 'node:events';
  import type { RequestListener } from 'node:http';

  /** The part of a request that tests read. */
  interface ProviderRequest {
    readonly oidc: { readonly params: Readonly<Record<string, string | undefined>> };
  }

  export default class Provider extends EventEmitter {
    constructor(issuer: string, configuration: object);
    callback(): RequestListener;
    on(event: 'authorization.accepted' | 'grant.success', listener: (request: ProviderRequest) => void): this;
    on(event: 'grant.error' | 'server_error', listener: (request: ProviderRequest, error: Error) => void): this;
  }
}
