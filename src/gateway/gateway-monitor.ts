import { exposition, expositionType } from '../metrics/exposition.ts';
import { listenerFamilies } from '../metrics/listener-families.ts';
import { processFamilies } from '../metrics/process-families.ts';
import { registryFamilies } from '../metrics/registry-families.ts';
import type { Clock } from '../model/clock.ts';
import type { RegistrySync } from '../model/live.ts';
import type { Listener } from '../proxy/contract.ts';
import type { ExchangeCounter } from '../proxy/exchange-counter.ts';
import type { Link } from '../registry/contract.ts';
import { projectFamilies } from './metrics.ts';
import type { Monitor } from './own-paths.ts';
import type { SnapshotApplier } from './snapshot-applier.ts';

/** Where a gateway's figures are. */
export interface Monitored {
  readonly deployments: SnapshotApplier;
  /** Of requests that no project is there for. */
  readonly missed: ExchangeCounter;
  /** As configured. */
  readonly listen: string;
  readonly listener: Pick<Listener, 'connections' | 'counts'>;
  readonly link: Link;
  readonly sync: RegistrySync;
  readonly ready: boolean;
  readonly version: string;
  readonly clock: Clock;
}

/** Puts a gateway's metrics together whenever they are asked for; `read` says where they are by then. */
export function monitorOf(read: () => Monitored, admits: Monitor['admits']): Monitor {
  return {
    admits,
    metrics() {
      const { deployments, missed, listen, listener, link, sync, ready, version, clock } = read();
      const text = exposition([
        ...projectFamilies(deployments, missed),
        ...listenerFamilies([{ ...listener.counts, listen, connections: listener.connections }]),
        ...registryFamilies(sync, { up: link.up, now: clock.now(), epoch: deployments.running?.epoch }),
        {
          name: 'sluice_ready',
          help: 'Whether it applied a snapshot and is not draining: 1 or 0.',
          type: 'gauge',
          series: [{ labels: {}, value: ready ? 1 : 0 }],
        },
        ...processFamilies(version),
      ]);
      return { type: expositionType, text };
    },
  };
}
