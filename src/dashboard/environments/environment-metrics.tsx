import { computed } from '@preact/signals';
import type { ComponentChildren } from 'preact';
import { compact, percent, timeSpan } from '../state/format.ts';
import { connection, environments, traffic, trafficTick } from '../state/state.ts';
import { Chart, type Curve } from '../widgets/chart.tsx';

/** Top values of the charts' scales, common to all environments so that they can be compared. Computed once a second. */
const commonTops = computed(() => {
  trafficTick.value;
  const all = environments.value.flatMap(({ name }) => traffic.environment(name).samples);
  return {
    requests: all.reduce((top, { requests }) => Math.max(top, requests), 5),
    active: all.reduce((top, { active }) => Math.max(top, active), 4),
  };
});

/** Requests, errors, latency and requests in flight of an environment, each as a number and a live chart. */
export function EnvironmentMetrics({ environment }: { environment: string }) {
  trafficTick.value;
  const series = traffic.environment(environment);
  const { samples, last } = series;
  const live = connection.value === 'live';
  const shown = (value: string) => (live ? value : '–');
  const times = samples.map(({ at }) => at);
  const tops = commonTops.value;
  const chart = (height: number, top: number, curves: readonly Curve[], format?: (value: number) => string) => (
    <Chart times={times} curves={curves} height={height} top={top} {...(format && { format })} />
  );
  return (
    <div class="metrics">
      <Metric name="Requests" value={shown(compact(series.rate))} unit="/s" lead>
        {chart(96, tops.requests, [{ color: '--accent', filled: true, values: samples.map(({ requests }) => requests) }], compact)}
      </Metric>
      <Metric
        name="Errors"
        value={shown(percent(series.errorShare))}
        bad={series.errorShare >= 0.01}
        {...(series.targetErrorShare > 0 && { second: { name: 'by targets', value: shown(percent(series.targetErrorShare)) } })}
      >
        {chart(36, 0.01, [
          {
            color: samples.some(({ errors }) => errors > 0) ? '--bad' : '--line-strong',
            values: samples.map(({ errors, requests }) => (errors === 0 ? 0 : errors / Math.max(errors, requests))),
          },
        ])}
      </Metric>
      <Metric name="p50" value={shown(timeSpan(last?.p50))} second={{ name: 'p99', value: shown(timeSpan(last?.p99)) }}>
        {chart(36, 0, [
          { color: '--accent', values: samples.map(({ p50 }) => p50) },
          { color: '--second', values: samples.map(({ p99 }) => p99) },
        ])}
      </Metric>
      <Metric name="In flight" value={shown(compact(last?.active ?? 0))}>
        {chart(36, tops.active, [{ color: '--accent', filled: true, values: samples.map(({ active }) => active) }])}
      </Metric>
    </div>
  );
}

interface MetricProps {
  readonly name: string;
  readonly value: string;
  readonly unit?: string;
  readonly second?: { readonly name: string; readonly value: string };
  readonly lead?: boolean;
  readonly bad?: boolean;
  readonly children: ComponentChildren;
}

function Metric({ name, value, unit, second, lead, bad, children }: MetricProps) {
  return (
    <div class={`metric${lead === true ? ' metric-lead' : ''}${bad === true ? ' metric-bad' : ''}`}>
      <dl class="figures">
        <div>
          <dt>{name}</dt>
          <dd>
            {value}
            {unit !== undefined && <small>{unit}</small>}
          </dd>
        </div>
        {second && (
          <div class="figure-second">
            <dt>{second.name}</dt>
            <dd>{second.value}</dd>
          </div>
        )}
      </dl>
      {children}
    </div>
  );
}
