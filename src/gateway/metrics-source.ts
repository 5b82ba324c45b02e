import { certificateExpiry } from '../metrics/certificate-expiry.ts';
import { exposition, expositionType } from '../metrics/exposition.ts';
import { listenerFamilies } from '../metrics/listener-families.ts';
import { processFamilies } from '../metrics/process-families.ts';
import { registryFamilies } from '../metrics/registry-families.ts';
import type { Clock } from '../model/clock.ts';
import type { RegistrySync } from '../model/live.ts';
import type { OwnCertificate } from '../model/server.ts';
import type { Listener } from '../proxy/contract.ts';
import type { ExchangeCounter } from '../proxy/exchange-counter.ts';
import type { Link } from '../registry/contract.ts';
import { projectFamilies } from './project-families.ts';
import type { MetricsSource } from './reserved-paths.ts';
import type { SnapshotApplier } from './snapshot-applier.ts';

/** Everything that a gateway's metrics are made from. */
export interface MetricsInputs {
  readonly applier: SnapshotApplier;
  /** Counts requests that match no project. */
  readonly unmatched: ExchangeCounter;
  /** Address of the listener, as configured. */
  readonly listen: string;
  readonly listener: Pick<Listener, 'connections' | 'limit' | 'counts'>;
  readonly link: Link;
  readonly sync: RegistrySync;
  readonly ready: boolean;
  /** The certificate for clients that are given the server's own address; undefined: it has none. */
  readonly ownCertificate: OwnCertificate | undefined;
  readonly version: string;
  readonly clock: Clock;
}

/** Makes a gateway's metrics source; `read` is called at each scrape. */
export function metricsSource(read: () => MetricsInputs, admits: MetricsSource['admits']): MetricsSource {
  return {
    admits,
    metrics() {
      const { applier, unmatched, listen, listener, link, sync, ready, ownCertificate, version, clock } = read();
      const text = exposition([
        ...projectFamilies(applier, unmatched),
        ...listenerFamilies([{ ...listener.counts, listen, connections: listener.connections, limit: listener.limit }]),
        ...registryFamilies(sync, { ...link, now: clock.now(), epoch: applier.running?.epoch }),
        {
          name: 'sluice_ready',
          help: 'Whether a snapshot is applied and the server is not draining: 1 or 0.',
          type: 'gauge',
          series: [{ labels: {}, value: ready ? 1 : 0 }],
        },
        certificateExpiry(ownCertificate === undefined ? [] : [ownCertificate]),
        ...processFamilies(version),
      ]);
      return { type: expositionType, text };
    },
  };
}
