import { exposition, expositionType } from '../../metrics/exposition.ts';
import type { Family } from '../../metrics/family.ts';
import { listenerFamilies } from '../../metrics/listener-families.ts';
import { processFamilies } from '../../metrics/process-families.ts';
import { registryFamilies } from '../../metrics/registry-families.ts';
import type { ServerRecord } from '../../model/server.ts';
import type { Snapshot } from '../../model/snapshot.ts';
import type { ControlApp, ControlContext } from '../app.ts';
import { environmentFamilies } from './environment-families.ts';
import { serverFamilies } from './server-families.ts';

/** For so long, in milliseconds, the registry is waited for: scrapes have a limit of their own. */
const patienceMs = 2000;

/** `/metrics` in Prometheus' text format. Everything is read when asked; requests cost nothing for it. */
export function metricsRoute(app: ControlApp, context: ControlContext): void {
  app.get(
    '/metrics',
    { config: { access: 'monitor' }, schema: { summary: 'Metrics for Prometheus', produces: ['text/plain'] } },
    async (_request, reply) => reply.type(expositionType).send(exposition(await families(context))),
  );
}

async function families(context: ControlContext): Promise<Family[]> {
  const { live, registry, clock, version, accessLogDropped } = context;
  const { records, snapshots } = await wanted(context);
  // At one moment, so that sums agree.
  const servers = live.servers();
  return [
    ...environmentFamilies(live.environments(), servers, snapshots),
    ...serverFamilies(servers, records),
    ...listenerFamilies(live.listeners()),
    ...registryFamilies(live.sync, { up: registry.link.up, now: clock.now(), epoch: snapshots[0]?.epoch }),
    {
      name: 'sluice_ready',
      help: 'Whether this balancer is able to serve: 1 or 0.',
      type: 'gauge',
      series: [{ labels: {}, value: live.ready() ? 1 : 0 }],
    },
    {
      name: 'sluice_access_log_dropped_total',
      help: 'Lines of the access log that were dropped because it could not be written fast enough.',
      type: 'counter',
      series: [{ labels: {}, value: accessLogDropped() }],
    },
    ...processFamilies(version),
  ];
}

/** What servers should run and do run. Without the registry, or if it takes too long, the traffic's figures are worth no less. */
function wanted({ registry, clock }: ControlContext): Promise<{ records: readonly ServerRecord[]; snapshots: readonly Snapshot[] }> {
  const read = async () => {
    const [records, environments] = await Promise.all([registry.servers(), registry.environments()]);
    return { records, snapshots: await Promise.all(environments.map(({ name }) => registry.snapshot(name))) };
  };
  return new Promise((resolve) => {
    const nothing = { records: [], snapshots: [] };
    const late = clock.after(patienceMs, () => resolve(nothing));
    void read()
      .catch(() => nothing)
      .then(resolve)
      .finally(() => late.cancel());
  });
}
