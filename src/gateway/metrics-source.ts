import { certificateExpiry } from '../metrics/certificate-expiry.ts';
import { expositionLines, expositionType } from '../metrics/exposition.ts';
import { listenerFamilies } from '../metrics/listener-families.ts';
import { processFamilies } from '../metrics/process-families.ts';
import { registryFamilies } from '../metrics/registry-families.ts';
import type { Clock } from '../model/clock.ts';
import type { RegistrySync } from '../model/live.ts';
import { octetsOf } from '../model/octet-blocks.ts';
import { inTurns } from '../model/pieces.ts';
import type { OwnCertificate } from '../model/server.ts';
import { SharedReads } from '../model/shared-reads.ts';
import type { Listener } from '../proxy/contract.ts';
import type { ExchangeCounter } from '../proxy/exchange-counter.ts';
import type { Link } from '../registry/contract.ts';
import { limitFamilies } from './limit-families.ts';
import { projectFamilies } from './project-families.ts';
import type { MetricsSource } from './reserved-paths.ts';
import type { SnapshotApplier } from './snapshot-applier.ts';
import { usageReport } from './usage-report.ts';

/** Everything that a gateway's metrics and usage report are made from. */
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
  /** Start of the server, in milliseconds since 1970. */
  readonly startedAt: number;
  readonly clock: Clock;
}

/** Makes a gateway's metrics source; `read` is called at each scrape and report. Metrics are written once for all who ask at the same time. */
export function metricsSource(read: () => MetricsInputs, admits: MetricsSource['admits']): MetricsSource {
  const scrapes = new SharedReads(async () => ({ type: expositionType, octets: await metricsOf(read()) }), { rests: true });
  return {
    admits,
    metrics: () => scrapes.now(),
    async usage(project) {
      const { applier, startedAt, clock } = read();
      const projects = applier.table?.projects ?? [];
      const report = usageReport({ projects, since: startedAt, project, now: performance.now(), date: clock.date() });
      return { type: 'application/json', octets: await inTurns(report) };
    },
  };
}

async function metricsOf(inputs: MetricsInputs): Promise<Buffer> {
  const { applier, unmatched, listen, listener, link, sync, ready, ownCertificate, version, clock } = inputs;
  const families = [
    ...(await inTurns(projectFamilies(applier, unmatched))),
    ...limitFamilies(applier.limits),
    ...listenerFamilies([{ ...listener.counts, listen, connections: listener.connections, limit: listener.limit }]),
    ...registryFamilies(sync, { ...link, now: clock.now(), epoch: applier.running?.epoch }),
    {
      name: 'sluice_ready',
      help: 'Whether a snapshot is applied and the server is not draining: 1 or 0.',
      type: 'gauge' as const,
      series: [{ labels: {}, value: ready ? 1 : 0 }],
    },
    certificateExpiry(ownCertificate === undefined ? [] : [ownCertificate]),
    ...processFamilies(version),
  ];
  return inTurns(octetsOf(expositionLines(families)));
}
