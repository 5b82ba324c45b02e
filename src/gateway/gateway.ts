import { randomUUID } from 'node:crypto';
import type { Logger } from 'pino';
import type { Family } from '../metrics/family.ts';
import { address as addressSchema, parseAddress } from '../model/address.ts';
import type { AddressGuard } from '../model/address-guard.ts';
import type { Clock, Random } from '../model/clock.ts';
import { environmentSpec } from '../model/environment.ts';
import { SluiceError } from '../model/fault.ts';
import { inTurns } from '../model/pieces.ts';
import { formatIdentity } from '../model/server-identity.ts';
import { sameSnapshot } from '../model/snapshot-id.ts';
import { wholeUpdate } from '../model/snapshot-update.ts';
import type { Lines } from '../policies/contract.ts';
import { cannotListen } from '../proxy/cannot-listen.ts';
import type { Handler, Listener, ListenerSettings } from '../proxy/contract.ts';
import type { Registry } from '../registry/contract.ts';
import { CallerFiles } from './caller-files.ts';
import type { Copies, CopySource } from './copies.ts';
import { Drain } from './drain.ts';
import { GatewayCore } from './gateway-core.ts';
import { GatewayHandler } from './gateway-handler.ts';
import { type ClientTls, GatewayTls } from './gateway-tls.ts';
import type { HopIdentity } from './hop-identity.ts';
import { KnownBalancers } from './known-balancers.ts';
import { LeaseKeeper } from './lease-keeper.ts';
import { loadLeaseSecret } from './lease-secret.ts';
import { metricsSource } from './metrics-source.ts';
import { snapshotFamilies } from './project-families.ts';
import type { MetricsSource, Unready } from './reserved-paths.ts';
import { SnapshotStore } from './snapshot-store.ts';
import { reportOf } from './usage-report.ts';
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
  /** True: the server is a part of a balancer's process, which reaches it without a connection. Default: false. */
  readonly embedded?: boolean | undefined;
  /** Makes copies in other processes, which carry all traffic of the server. Default: this process carries it. */
  readonly copies?: ((source: CopySource) => Copies) | undefined;
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
  /** Takes lines that policies log; default: they are dropped. */
  readonly lines?: Lines | undefined;
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
  /** Id of this start. */
  readonly instance: string;
  /** Address as registered. */
  readonly address: string;
  /** Environment of the snapshot that it serves; undefined: it serves none. */
  readonly environment: string | undefined;
  /** True while a snapshot is applied and the server is not draining. */
  readonly ready: boolean;
  /** Resolves once the server serves any snapshot (fresh or from disk), or is registered as available. Never rejects. */
  readonly started: Promise<void>;
  /** Announces the leave, serves until no more requests arrive, finishes exchanges in flight, then leaves the registry. */
  drain(): Promise<void>;
  /** Metrics of its projects, targets, limits and snapshot. */
  families(): Promise<Family[]>;
  /** Counts of the server, as JSON in the form of `model/server-usage.ts`. @param project name of the one to describe in detail; undefined: totals of all */
  usage(project: string | undefined): Promise<string>;
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
  const startedAt = clock.date();
  let listener: Listener | undefined;
  const store = new SnapshotStore(options.dataDir, logger);
  const callerFiles = new CallerFiles(options.dataDir, logger);
  const core = new GatewayCore({
    ...{ id, holder: id, registry, files: callerFiles, everyMs: ttl / 3, clock, random, logger },
    ...{ guard: options.guard, lines: options.lines, idle: options.copies !== undefined },
    read: (hash) => store.readInPieces(hash),
    changed: () => update(),
  });
  const { applier, callers } = core;
  const { hop } = options;
  const balancers =
    hop &&
    new KnownBalancers({
      server: () => ({ id, environment: applier.environment }),
      refusalOf: (certificate) => (hop.credentials === undefined ? 'no authority is known yet' : hop.refusalOf(certificate)),
      onChange: (listener) => hop.onChange(listener),
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
    knowsBalancer: balancers?.knows,
    underscores: applier.underscores ?? 'drop',
    ...tls.settings,
  });
  const update = () => {
    listener?.update(settings());
    if (listener !== undefined) tls.applied();
  };
  await callers.load();
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
  const copies = options.copies?.({
    instance,
    get running() {
      return applier.running;
    },
    async whole() {
      const { running } = applier;
      const snapshot = await inTurns(store.snapshotInPieces());
      if (snapshot === undefined || snapshot.environment !== applier.environment || !sameSnapshot(snapshot, running)) return undefined;
      return wholeUpdate(snapshot);
    },
  });
  const load = copies?.load ?? {
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
      ...(options.embedded && { embedded: true as const }),
      startedAt,
      ttl,
      secret,
      ...(environment !== undefined && { environment }),
      ...(options.weight !== undefined && { weight: options.weight }),
    },
    applier,
    store,
    load,
    callers,
    hop: options.hop,
    ownCertificate: () => (tls.ownCertificate === undefined ? {} : { ownCertificate: tls.ownCertificate }),
    handDown: copies && (async (change) => copies.follow(change && (await inTurns(store.updateInPieces(change))))),
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
      ...{ applier, unmatched: handler.unmatched, listen, listener: opened, version, startedAt, clock },
      ...{ link: registry.link, sync: keeper.sync, ready: serving.ready, ownCertificate: tls.ownCertificate },
    }),
    options.admits ?? (() => false),
  );
  await copies?.follow();
  keeper.start();
  core.follow();
  logger.info({ listen: opened.address, advertise: address }, 'gateway listens');

  const leave = async () => {
    const end = clock.now() + graceMs;
    await withDeadline(keeper.announceLeave(), 1000, clock).catch(() => {});
    await new Drain(load, clock, Math.max(0, end - clock.now())).done;
    await opened.close(Math.max(0, end - clock.now()));
    await withDeadline(core.stop(), 1000, clock).catch(() => {});
    await keeper.leave();
    tls.close();
    balancers?.stop();
    await store.settled();
    await callerFiles.settled();
    await options.hop?.settled();
  };
  let left: Promise<void> | undefined;
  return {
    instance,
    address,
    get environment() {
      return applier.environment;
    },
    get ready() {
      return serving.ready;
    },
    started: serving.ready ? Promise.resolve() : keeper.joined,
    async families() {
      const traffic = copies === undefined ? await inTurns(core.families(handler.unmatched)) : await copies.families();
      return [...traffic, ...snapshotFamilies(applier)];
    },
    async usage(project) {
      return reportOf(startedAt, copies === undefined ? [await inTurns(core.usage(project))] : await copies.usage(project));
    },
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
