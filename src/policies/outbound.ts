/** A request that a policy sends to a service of its operator, such as an authorization server. */
export interface OutboundRequest {
  readonly url: string;
  /** Default GET. */
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  /** Milliseconds until the answer must have ended; default 5 s. */
  readonly timeoutMs?: number | undefined;
  /** Certificates of the authorities to trust instead of the public ones, as PEM. */
  readonly ca?: string | undefined;
  /** False: it must not arrive twice, so it gets a connection of its own and is never sent again. Default true. */
  readonly repeatable?: boolean;
}

/** An answer, read whole. */
export interface OutboundAnswer {
  readonly status: number;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  readonly body: Buffer;
}

/**
 * The HTTP client of policies. Follows no redirects, bounds time, size and concurrency, keeps connections, and connects to no address that targets
 * must not have.
 */
export interface Outbound {
  /** Rejects with an `Error` if there is no whole answer; its message holds neither the query of the URL nor anything that was sent. */
  send(request: OutboundRequest): Promise<OutboundAnswer>;
}
