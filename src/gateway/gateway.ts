import { randomUUID } from 'node:crypto';
import type { Logger } from 'pino';
import type { Clock, Random } from '../model/clock.ts';
import { environmentSpec } from '../model/environment.ts';
import { SluiceError } from '../model/fault.ts';
import { address as addressSchema, parseAddress } from '../model/quantity.ts';
import { cannotListen } from '../proxy/cannot-listen.ts';
import type { Handler, Listener, ListenerSettings } from '../proxy/contract.ts';
import type { Registry } from '../registry/contract.ts';
import { deadline } from './deadline.ts';
import { Drainage } from './drainage.ts';
import { monitorOf } from './gateway-monitor.ts';
import { GatewayHandler } from './handler.ts';
import { LeaseKeeper } from './lease-keeper.ts';
import type { Monitor } from './own-paths.ts';
import { SnapshotApplier } from './snapshot-applier.ts';
import { SnapshotFile } from './snapshot-file.ts';

/** Opens a listener at `HOST:PORT`. */
export type OpenListener = (address: string, settings: ListenerSettings, handler: Handler) => Promise<Listener>;

export interface GatewayOptions {
  /** Stable over restarts. */
  readonly id: string;
  /** New at each start; made here unless given. */
  readonly instance?: string | undefined;
  /** Where to join; without it the server goes where it was last assigned, or is available. */
  readonly environment?: string | undefined;
  /** `HOST:PORT`; port 0 takes a free one. */
  readonly listen: string;
  /** `HOST:PORT` at which balancers reach it; default: where it listens. */
  readonly advertise?: string | undefined;
  /** Default: the operator's, else 1. */
  readonly weight?: number | undefined;
  /** Folder of the last good snapshot. */
  readonly dataDir: string;
  /** Length of the lease in milliseconds; default 10 s. */
  readonly ttl?: number | undefined;
  /** Milliseconds that requests in flight get when it moves or stops; default 30 s. */
  readonly grace?: number | undefined;
  /** CIDRs whose `X-Forwarded-*` is believed; default: this machine, where a local balancer is. */
  readonly trustedProxies?: readonly string[] | undefined;
  /** Whether these credentials (`Authorization`) let somebody on another machine see the metrics; default: none do. */
  readonly admits?: ((authorization: string | undefined) => boolean) | undefined;
  /** Of the program, for people. */
  readonly version: string;
  readonly registry: Registry;
  readonly open: OpenListener;
  readonly logger: Logger;
  readonly clock: Clock;
  readonly random: Random;
}

/** A running gateway server. The registry stays its caller's to close. */
export interface Gateway {
  /** As registered. */
  readonly address: string;
  /** A snapshot was applied and the server is not draining. */
  readonly ready: boolean;
  /** Settles once it serves, if only its last good snapshot, or is registered as available. Never fails. */
  readonly started: Promise<void>;
  /** Says that it leaves, serves until nobody sends it anything, finishes what is in flight, leaves. */
  drain(): Promise<void>;
}

const loopback = ['127.0.0.0/8', '::1/128'];

/**
 * Starts a gateway server. It listens at once, serves its last good snapshot if it has one, and joins as soon as the
 * registry can be reached. Throws a `SluiceError` if nobody could reach it at the address it would register.
 */
export async function startGateway(options: GatewayOptions): Promise<Gateway> {
  const { id, clock, random, registry, version, environment, ttl = 10_000, grace: graceMs = 30_000 } = options;
  checkReachable(options);
  const logger = options.logger.child({ server: id });
  const deployments = new SnapshotApplier({ random, logger, clock });
  const file = new SnapshotFile(options.dataDir, logger);
  const stored = await file.load();
  if (stored !== undefined && (environment === undefined || environment === stored.environment)) deployments.apply(stored);

  let membership: LeaseKeeper | undefined;
  let monitor: Monitor | undefined;
  const serving = {
    get table() {
      return deployments.table;
    },
    get ready() {
      return deployments.table !== undefined && membership?.draining !== true;
    },
    get monitor() {
      return monitor;
    },
  };
  const handler = new GatewayHandler(serving, logger);
  const { limits, timeouts } = environmentSpec.parse({});
  // A balancer adds fields to a head that was within its own limits.
  const heads = { headerBytes: limits.headerBytes + 8 * 1024, fields: 120 };
  const settings = { ...heads, timeouts, trustedProxies: options.trustedProxies ?? loopback };
  const listener = await options.open(options.listen, settings, handler).catch((cause: unknown) => {
    throw cannotListen(options.listen, `gateway server ${id}`, cause);
  });
  const address = options.advertise ?? listener.address;
  const traffic = {
    get connections() {
      return listener.connections;
    },
    get active() {
      return listener.active;
    },
    get requests() {
      return handler.requests;
    },
  };
  const member = new LeaseKeeper({
    registry,
    self: {
      id,
      instance: options.instance ?? randomUUID(),
      address,
      version,
      startedAt: clock.date(),
      ttl,
      ...(environment !== undefined && { environment }),
      ...(options.weight !== undefined && { weight: options.weight }),
    },
    deployments,
    file,
    traffic,
    onDraining: (draining) => {
      listener.lameDuck = draining;
    },
    graceMs,
    clock,
    random,
    logger,
  });
  membership = member;
  const { listen } = options;
  monitor = monitorOf(
    () => ({
      ...{ deployments, missed: handler.missed, listen, listener, version, clock },
      ...{ link: registry.link, sync: member.sync, ready: serving.ready },
    }),
    options.admits ?? (() => false),
  );
  member.start();
  logger.info({ listen: listener.address, advertise: address }, 'gateway listens');

  const leave = async () => {
    const end = clock.now() + graceMs;
    await deadline(member.announceLeave(), 1000, clock).catch(() => {});
    await new Drainage(traffic, clock, Math.max(0, end - clock.now())).done;
    await listener.close(Math.max(0, end - clock.now()));
    await member.leave();
    await file.settled();
  };
  let left: Promise<void> | undefined;
  return {
    address,
    get ready() {
      return serving.ready;
    },
    started: serving.ready ? Promise.resolve() : member.joined,
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
    const remedy = 'name the address at which balancers reach this server with --advertise HOST:PORT, or listen on one such address';
    throw new SluiceError(
      'invalid',
      `${advertise === undefined ? `listening on ${listen}` : `advertise ${advertise}`} tells nobody where this server is: ${remedy}`,
    );
  }
}
