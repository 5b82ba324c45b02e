import type { Metric } from 'prom-client';
import { type Latencies, latencyBounds } from '../model/latency.ts';

/** What times are told of whom. */
export interface LatencyRow {
  readonly labels: Readonly<Record<string, string>>;
  readonly latencies: Latencies;
}

/** A Prometheus histogram (seconds, a bucket for each doubling) of times that somebody else counts; prom-client's own would count them again. */
export function latencyMetric(name: string, help: string, read: () => readonly LatencyRow[]): Metric {
  const get = async () => ({ name, help, type: 'histogram', aggregator: 'sum', values: read().flatMap((row) => valuesOf(name, row)) });
  return { name, help, get } as unknown as Metric;
}

function valuesOf(name: string, { labels, latencies }: LatencyRow) {
  let below = 0;
  const buckets = latencyBounds.flatMap((bound, index) => {
    below += latencies.counts[index] ?? 0;
    return index % 2 === 0 ? [{ metricName: `${name}_bucket`, labels: { le: bound / 1000, ...labels }, value: below }] : [];
  });
  const all = latencies.counts.reduce((sum, count) => sum + count, 0);
  return [
    ...buckets,
    { metricName: `${name}_bucket`, labels: { le: '+Inf', ...labels }, value: all },
    { metricName: `${name}_sum`, labels, value: latencies.sumMs / 1000 },
    { metricName: `${name}_count`, labels, value: all },
  ];
}
