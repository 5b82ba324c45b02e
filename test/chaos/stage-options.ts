/** Ways between balancers and gateway servers, with the settings of an environment for each. `embedded`: there is none, each balancer is a server itself. */
export const modes = { http1: { hop: 'http1' }, link: { hop: 'auto' }, embedded: { embedded: { id: 'own' } } } as const;

export type Mode = keyof typeof modes;

/** Parts of a stage. */
export interface StageOptions {
  /** `sentinel`: a Redis with a replica and Sentinels. */
  readonly registry: 'redis' | 'sentinel' | 'embedded';
  /** Redis writes every change to disk before it answers. */
  readonly persistent?: boolean;
  /** The connections to Redis pass a relay, which can be cut; `gateways`: those of the gateways to Redis, or to the balancer that they join. */
  readonly relayed?: 'all' | 'gateways';
  /** Connections of balancers to each gateway pass a relay, which can cut the links among them. */
  readonly linksRelayed?: boolean;
  /** A second environment, `staging`, with a server `s` and its own load. */
  readonly staging?: boolean;
  /** A second balancer on the same Redis, of this release or the previous one, with its own load. */
  readonly second?: 'present' | 'previous';
  /** Worker processes of the balancer; default 0. */
  readonly workers?: number;
  /** Balancer, gateways and target are reached by names, which a DNS server of the stage knows with a TTL of a second. */
  readonly named?: boolean;
  /** Clients come over TLS, with connections that they keep, open anew or resume; certificates are in files, or come by ACME. */
  readonly secured?: 'files' | 'acme';
  /** Limit of open files of the balancer and each of its workers, or of each gateway; default: that of the machine. */
  readonly balancerDescriptors?: number;
  readonly gatewayDescriptors?: number;
  /** Default: that of a balancer without settings for it. So it is beside a previous release. */
  readonly mode?: Mode | undefined;
  /** Clients retry while connections are refused, because the scenario restarts the balancer. */
  readonly patient?: boolean;
}

/** Settings of a gateway. A gateway that ran before keeps those that are not given. */
export interface GatewayOptions {
  /** Default `production`. */
  readonly environment?: string;
  /** Port of loopback; default: a free one. */
  readonly port?: number;
  /** Default: the stage's registry, or its balancer. */
  readonly joinUrl?: string;
  /** A program of the previous release. */
  readonly previous?: boolean;
}
