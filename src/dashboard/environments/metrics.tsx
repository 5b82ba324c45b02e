import { computed } from '@preact/signals';
import type { ComponentChildren } from 'preact';
import { compact, duration, percent } from '../state/format.ts';
import { environments, link, second, traffic } from '../state/state.ts';
import { Chart, type Curve } from '../widgets/chart.tsx';

/** Environments share their scales: the busy one is seen at a glance. Found once a second, not once an environment. */
const commonTops = computed(() => {
  second.value;
  const all = environments.value.flatMap(({ name }) => traffic.environment(name).samples);
  return {
    requests: all.reduce((top, { requests }) => Math.max(top, requests), 5),
    active: all.reduce((top, { active }) => Math.max(top, active), 4),
  };
});

/** The four figures of an environment, each as number and live chart. */
export function Metrics({ environment }: { environment: string }) {
  second.value;
  const series = traffic.environment(environment);
  const { samples, last } = series;
  const live = link.value === 'live';
  const known = (value: string) => (live ? value : '–');
  const times = samples.map(({ at }) => at);
  const tops = commonTops.value;
  const chart = (height: number, top: number, curves: readonly Curve[], format?: (value: number) => string) => (
    <Chart times={times} curves={curves} height={height} top={top} {...(format && { format })} />
  );
  return (
    <div class="metrics">
      <Metric name="Requests" value={known(compact(series.rate))} unit="/s" lead>
        {chart(96, tops.requests, [{ color: '--accent', filled: true, values: samples.map(({ requests }) => requests) }], compact)}
      </Metric>
      <Metric name="Errors" value={known(percent(series.errorShare))} bad={series.errorShare >= 0.01}>
        {chart(36, 0.01, [
          {
            color: samples.some(({ errors }) => errors > 0) ? '--bad' : '--line-strong',
            values: samples.map(({ errors, requests }) => (errors === 0 ? 0 : errors / Math.max(errors, requests))),
          },
        ])}
      </Metric>
      <Metric name="p50" value={known(duration(last?.p50))} second={{ name: 'p99', value: known(duration(last?.p99)) }}>
        {chart(36, 0, [
          { color: '--accent', values: samples.map(({ p50 }) => p50) },
          { color: '--second', values: samples.map(({ p99 }) => p99) },
        ])}
      </Metric>
      <Metric name="In flight" value={known(compact(last?.active ?? 0))}>
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
