/** Limits of what the holders of join tokens may open and register; 0: no limit. */
export interface JoinLimits {
  /** Servers registered in one environment, lost ones included; those without an environment are counted together. */
  readonly servers: number;
  /** WebSockets of gateway servers, in all. */
  readonly connections: number;
  /** WebSockets of gateway servers from one address. */
  readonly connectionsPerAddress: number;
}

export const noJoinLimits: JoinLimits = { servers: 0, connections: 0, connectionsPerAddress: 0 };
