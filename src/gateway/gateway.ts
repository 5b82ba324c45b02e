import { randomUUID } from 'node:crypto';
import type { Logger } from 'pino';
import { address as addressSchema, parseAddress } from '../model/address.ts';
import type { AddressGuard } from '../model/address-guard.ts';
import type { Clock, Random } from '../model/clock.ts';
import { environmentSpec } from '../model/environment.ts';
import { SluiceError } from '../model/fault.ts';
import { formatIdentity } from '../model/server-identity.ts';
import { cannotListen } from '../proxy/cannot-listen.ts';
import type { Handler, Listener, ListenerSettings } from '../proxy/contract.ts';
import type { Registry } from '../registry/contract.ts';
import { Drain } from './drain.ts';
import { GatewayHandler } from './gateway-handler.ts';
import { type ClientTls, GatewayTls } from './gateway-tls.ts';
import type { HopIdentity } from './hop-identity.ts';
import { LeaseKeeper } from './lease-keeper.ts';
import { loadLeaseSecret } from './lease-secret.ts';
import { metricsSource } from './metrics-source.ts';
import type { MetricsSource, Unready } from './reserved-paths.ts';
import { SnapshotApplier } from './snapshot-applier.ts';
import { SnapshotStore } from './snapshot-store.ts';
import { withDeadline } from './with-deadline.ts';

/** Opens a listener at `HOST:PORT`. */
export type OpenListener = (address: string, settings: ListenerSettings, handler: Handler) => Promise<Listener>;

export interface GatewayOptions {
  /** Id of the server, the same after a restart. */
  readonly id: string;
  /** Id of this start of the server; random by default. */
  readonly instance?: string | undefined;
  /** Environment to join; by default the one to which the server was last assigned, else none: the server is available. */
  readonly environment?: string | undefined;
  /** Address to listen on, `HOST:PORT`; port 0 takes a free one. */
  readonly listen: string;
  /** Address at which balancers reach the server, `HOST:PORT`; default: the address it listens on. */
  readonly advertise?: string | undefined;
  /** Weight in balancing; default: the weight that an operator set, else 1. */
  readonly weight?: number | undefined;
  /** Data folder, which holds the last good snapshot. */
  readonly dataDir: string;
  /** Length of the lease in milliseconds; default 10 s. */
  readonly ttl?: number | undefined;
  /** Grace period, in milliseconds, of requests in flight when the server moves or stops; default 30 s. */
  readonly grace?: number | undefined;
  /** The greatest `limits.headerBytes` of the balancers in front; default: the default of that setting. */
  readonly headerBytes?: number | undefined;
  /** The lowest `limits.bodyRate` of the balancers in front; default: the default of that setting. */
  readonly bodyRate?: number | undefined;
  /** CIDRs of proxies whose `X-Forwarded-*` is trusted; default: loopback, for a balancer on this machine. */
  readonly trustedProxies?: readonly string[] | undefined;
  /** Addresses that targets of projects must not have; default: none. */
  readonly guard?: AddressGuard | undefined;
  /** Greatest number of connections; default `auto`, as `limits.connections` of an environment. */
  readonly maxConnections?: ListenerSettings['connections'] | undefined;
  /** TLS for clients that are given this server's own address; default: none. */
  readonly clientTls?: ClientTls | undefined;
  /** True if a client on another machine may read the metrics with these credentials (`Authorization`); default: always false. */
  readonly admits?: ((authorization: string | undefined) => boolean) | undefined;
  /** Key and certificate for balancers; default: the server answers them without TLS. */
  readonly hop?: HopIdentity | undefined;
  /** Version of the program, for people. */
  readonly version: string;
  readonly registry: Registry;
  readonly open: OpenListener;
  readonly logger: Logger;
  readonly clock: Clock;
  readonly random: Random;
}

/** A running gateway server. The caller closes the registry. */
export interface Gateway {
  /** Address as registered. */
  readonly address: string;
  /** True while a snapshot is applied and the server is not draining. */
  readonly ready: boolean;
  /** Resolves once the server serves any snapshot (fresh or from disk), or is registered as available. Never rejects. */
  readonly started: Promise<void>;
  /** Announces the leave, serves until no more requests arrive, finishes exchanges in flight, then leaves the registry. */
  drain(): Promise<void>;
}

const loopback = ['127.0.0.0/8', '::1/128'];

/**
 * Starts a gateway server. It listens at once, serves its last good snapshot if it has one, and joins as soon as the registry is
 * reachable. Throws a `SluiceError` if balancers could not reach it at the address that it would register.
 */
export async function startGateway(options: GatewayOptions): Promise<Gateway> {
  const { id, clock, random, registry, version, environment, ttl = 10_000, grace: graceMs = 30_000 } = options;
  checkReachable(options);
  const logger = options.logger.child({ server: id });
  let listener: Listener | undefined;
  const store = new SnapshotStore(options.dataDir, logger);
  const applier = new SnapshotApplier({
    ...{ random, logger, clock, guard: options.guard },
    read: (hash) => store.readInPieces(hash),
    changed: () => update(),
  });
  const tls = new GatewayTls({ clients: options.clientTls, hop: options.hop, applier, clock, changed: () => update() });
  const { limits, timeouts } = environmentSpec.parse({ limits: { headerBytes: options.headerBytes, bodyRate: options.bodyRate } });
  // Larger than a balancer's own limits, because a balancer adds fields to the head.
  const headLimits = { headerBytes: limits.headerBytes + 8 * 1024, fields: 120 };
  const settings = (): ListenerSettings => ({
    ...headLimits,
    bodyRate: limits.bodyRate,
    connections: options.maxConnections ?? 'auto',
    tellsFaults: true,
    timeouts,
    trustedProxies: options.trustedProxies ?? loopback,
    underscores: applier.underscores ?? 'drop',
    ...tls.settings,
  });
  const update = () => {
    listener?.update(settings());
    if (listener !== undefined) tls.applied();
  };
  const stored = await store.load();
  if (stored !== undefined && (environment === undefined || environment === stored.environment)) applier.apply(stored);

  const instance = options.instance ?? randomUUID();
  const secret = await loadLeaseSecret(options.dataDir, logger);
  let leaseKeeper: LeaseKeeper | undefined;
  let metrics: MetricsSource | undefined;
  const serving = {
    get table() {
      return applier.table;
    },
    get ready() {
      return this.unready === undefined;
    },
    get unready(): Unready | undefined {
      if (leaseKeeper?.draining) return 'draining';
      if (applier.table !== undefined) return undefined;
      return leaseKeeper?.standing ?? 'not-joined';
    },
    get identity() {
      return formatIdentity({ id, instance, environment: applier.environment });
    },
    get metrics() {
      return metrics;
    },
  };
  const handler = new GatewayHandler(serving, logger);
  const opened = await options.open(options.listen, settings(), handler).catch((cause: unknown) => {
    throw cannotListen(options.listen, `gateway server ${id}`, cause);
  });
  listener = opened;
  tls.applied();
  const address = options.advertise ?? opened.address;
  const load = {
    get connections() {
      return opened.connections;
    },
    get active() {
      return opened.active;
    },
    get requests() {
      return handler.requests;
    },
  };
  const keeper = new LeaseKeeper({
    registry,
    self: {
      id,
      instance,
      address,
      version,
      identifies: true,
      startedAt: clock.date(),
      ttl,
      secret,
      ...(environment !== undefined && { environment }),
      ...(options.weight !== undefined && { weight: options.weight }),
    },
    applier,
    store,
    load,
    hop: options.hop,
    ownCertificate: () => (tls.ownCertificate === undefined ? {} : { ownCertificate: tls.ownCertificate }),
    onDraining: (draining) => {
      opened.lameDuck = draining;
    },
    graceMs,
    clock,
    random,
    logger,
  });
  leaseKeeper = keeper;
  const { listen } = options;
  metrics = metricsSource(
    () => ({
      ...{ applier, unmatched: handler.unmatched, listen, listener: opened, version, clock },
      ...{ link: registry.link, sync: keeper.sync, ready: serving.ready, ownCertificate: tls.ownCertificate },
    }),
    options.admits ?? (() => false),
  );
  keeper.start();
  logger.info({ listen: opened.address, advertise: address }, 'gateway listens');

  const leave = async () => {
    const end = clock.now() + graceMs;
    await withDeadline(keeper.announceLeave(), 1000, clock).catch(() => {});
    await new Drain(load, clock, Math.max(0, end - clock.now())).done;
    await opened.close(Math.max(0, end - clock.now()));
    await keeper.leave();
    tls.close();
    await store.settled();
    await options.hop?.settled();
  };
  let left: Promise<void> | undefined;
  return {
    address,
    get ready() {
      return serving.ready;
    },
    started: serving.ready ? Promise.resolve() : keeper.joined,
    drain() {
      left ??= leave();
      return left;
    },
  };
}

function checkReachable({ listen, advertise }: GatewayOptions): void {
  for (const [name, given] of Object.entries({ listen, advertise })) {
    if (given !== undefined && !addressSchema.safeParse(given).success)
      throw new SluiceError('invalid', `${name}: "${given}" must be HOST:PORT, for example 127.0.0.1:8081`);
  }
  const { host, port } = parseAddress(advertise ?? listen);
  const everywhere = host === '0.0.0.0' || /^[0:]+$/.test(host);
  if (advertise === undefined && !everywhere) return;
  if (everywhere || port === 0) {
    const remedy = 'give the address at which balancers reach this server with --advertise HOST:PORT, or listen on that address';
    throw new SluiceError(
      'invalid',
      `${advertise === undefined ? `listening on ${listen}` : `advertise ${advertise}`} does not tell balancers how to reach this server: ${remedy}`,
    );
  }
}
