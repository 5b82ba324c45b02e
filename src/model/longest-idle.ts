/** Milliseconds after which the next request on an idle connection is unlikely to be on its way just now. */
export const settledMs = 500;

/**
 * Milliseconds by which a connection gives way sooner, or later, than one that is kept for the next request. Most clients send their first
 * request at once; one that lingers might lose its response.
 */
export const givesWay = { unusedSooner: 400, lingeringLater: 1500 };

/** Returned by `idleSince` for a connection that is in use. */
export const inUse = Number.POSITIVE_INFINITY;

/** A connection that is idle at times, and can be closed then. */
export interface Yielding {
  /** Time since which the connection is idle, or {@link inUse}. Of two connections the one with the smaller time goes first. */
  idleSince(): number;
  /** Closes the idle connection at once: its descriptor is free when the call returns. */
  giveWay(): void;
}

/** Most connections that one look at all of them selects. */
const most = 1024;

interface Candidate<Connection> {
  readonly connection: Connection;
  readonly since: number;
}

/**
 * Closes connections of a set, the one that is idle the longest first. A look at all of them is made only once for many closings:
 * candidates that are still idle since the same time are still the oldest.
 */
export class LongestIdle<Connection extends Yielding> {
  readonly #connections: Set<Connection>;
  /** Oldest last. */
  #candidates: Candidate<Connection>[] = [];

  /** @param connections those that may be closed; a closed one is removed */
  constructor(connections: Set<Connection>) {
    this.#connections = connections;
  }

  /** Closes one connection that is idle since `before` or longer; false: there is none. */
  close(before = Number.POSITIVE_INFINITY): boolean {
    const oldest = this.#oldest();
    if (oldest === undefined || oldest.since > before) return false;
    this.#candidates.pop();
    this.#connections.delete(oldest.connection);
    oldest.connection.giveWay();
    return true;
  }

  #oldest(): Candidate<Connection> | undefined {
    while (this.#candidates.length > 0) {
      const last = this.#candidates.at(-1) as Candidate<Connection>;
      if (last.since === last.connection.idleSince() && this.#connections.has(last.connection)) return last;
      this.#candidates.pop();
    }
    const idle: Candidate<Connection>[] = [];
    for (const connection of this.#connections) {
      const since = connection.idleSince();
      if (since < inUse) idle.push({ connection, since });
    }
    this.#candidates = idle
      .sort((one, other) => one.since - other.since)
      .slice(0, most)
      .reverse();
    return this.#candidates.at(-1);
  }
}
