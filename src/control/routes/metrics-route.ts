import { expositionLines, expositionType } from '../../metrics/exposition.ts';
import type { Family } from '../../metrics/family.ts';
import { listenerFamilies } from '../../metrics/listener-families.ts';
import { processFamilies } from '../../metrics/process-families.ts';
import { registryFamilies } from '../../metrics/registry-families.ts';
import { mapInTurns } from '../../model/pieces.ts';
import type { ServerRecord } from '../../model/server.ts';
import { SharedReads } from '../../model/shared-reads.ts';
import { certificateFamilies } from '../metrics/certificate-families.ts';
import { type CurrentSnapshot, environmentFamilies } from '../metrics/environment-families.ts';
import { joinFamilies } from '../metrics/join-families.ts';
import { serverFamilies } from '../metrics/server-families.ts';
import type { ControlApp, ControlContext } from './control-app.ts';
import { bodyOf, sharedOctets } from './shared-octets.ts';

/** Milliseconds to wait for the registry: Prometheus gives up on a slow scrape (10 s by default). */
const registryTimeoutMs = 2000;

/**
 * Serves `/metrics` in Prometheus' text format. Metrics are collected when they are asked for, and written once for all who ask meanwhile, at no cost to the
 * request path.
 */
export function metricsRoute(app: ControlApp, context: ControlContext): void {
  const scrapes = new SharedReads(async () => sharedOctets(expositionLines(await families(context))), { rests: true });
  app.get(
    '/metrics',
    { config: { access: 'monitor' }, schema: { summary: 'Metrics for Prometheus', produces: ['text/plain'] } },
    async (_request, reply) => reply.type(expositionType).send(bodyOf(await scrapes.now())),
  );
}

async function families(context: ControlContext): Promise<Family[]> {
  const { live, registry, clock, version, accessLogDropped, registrants, joined } = context;
  const { records, snapshots } = await readRegistry(context);
  // Read once, so that all families count the same requests.
  const servers = await mapInTurns(live.servers(), (server) => server);
  const { link } = registry;
  return [
    ...environmentFamilies(live.environments(), servers, snapshots),
    ...serverFamilies(servers, records, ({ environment, id }) => live.checkCounts(environment, id)),
    ...listenerFamilies(live.listeners()),
    ...registryFamilies(live.sync, { ...link, now: clock.now(), epoch: snapshots[0]?.epoch }),
    {
      name: 'sluice_registry_unread_documents',
      help: 'Documents of the registry that this balancer could not read, or not entirely.',
      type: 'gauge',
      series: [{ labels: {}, value: registry.unread.length }],
    },
    {
      name: 'sluice_ready',
      help: 'Whether this balancer can serve: 1 or 0.',
      type: 'gauge',
      series: [{ labels: {}, value: live.unready() === undefined ? 1 : 0 }],
    },
    {
      name: 'sluice_access_log_dropped_total',
      help: 'Access log lines that were dropped because the log could not be written fast enough.',
      type: 'counter',
      series: [{ labels: {}, value: accessLogDropped() }],
    },
    ...certificateFamilies(context.certificates?.states ?? [], context.issued?.states ?? [], records),
    ...joinFamilies(registrants.refusals, joined()),
    ...(await context.families().catch(() => [])),
    ...processFamilies(version),
  ];
}

/** Reads server records and the identities of snapshots. Returns none if the registry fails or takes too long, so that traffic metrics are served without it. */
function readRegistry({
  registry,
  clock,
}: ControlContext): Promise<{ records: readonly ServerRecord[]; snapshots: readonly CurrentSnapshot[] }> {
  const read = async () => {
    const [records, environments] = await Promise.all([registry.servers(), registry.environments()]);
    return {
      records,
      snapshots: await Promise.all(environments.map(async ({ name }) => ({ ...(await registry.snapshotId(name)), environment: name }))),
    };
  };
  return new Promise((resolve) => {
    const nothing = { records: [], snapshots: [] };
    const timeout = clock.after(registryTimeoutMs, () => resolve(nothing));
    void read()
      .catch(() => nothing)
      .then(resolve)
      .finally(() => timeout.cancel());
  });
}
