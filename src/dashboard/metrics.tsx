import type { ComponentChildren } from 'preact';
import { Series } from '../control/traffic.ts';
import { Chart, type Curve } from './chart.tsx';
import { compact, duration, percent } from './format.ts';
import { environments, second, traffic } from './store.ts';

const empty = new Series(0);

/** The four figures of an environment, each as number and live chart. */
export function Metrics({ environment }: { environment: string }) {
  second.value;
  const series = traffic.environments.get(environment) ?? empty;
  const { samples } = series;
  const times = samples.map(({ at }) => at);
  const tops = commonTops();
  const chart = (height: number, top: number, curves: readonly Curve[], format?: (value: number) => string) => (
    <Chart times={times} curves={curves} height={height} top={top} {...(format && { format })} />
  );
  return (
    <div class="metrics">
      <Metric name="Requests" value={compact(series.rate)} unit="/s" lead>
        {chart(96, tops.requests, [{ color: '--accent', filled: true, values: samples.map(({ requests }) => requests) }], compact)}
      </Metric>
      <Metric name="Errors" value={percent(series.errorShare)} bad={series.errorShare >= 0.01}>
        {chart(36, 0.01, [
          {
            color: '--bad',
            filled: true,
            values: samples.map(({ errors, requests }) => (errors === 0 ? 0 : errors / Math.max(errors, requests))),
          },
        ])}
      </Metric>
      <Metric name="p50" value={duration(series.latency(0.5))} second={{ name: 'p99', value: duration(series.latency(0.99)) }}>
        {chart(36, 0, [
          { color: '--accent', values: samples.map((_, index) => series.latency(0.5, index)) },
          { color: '--second', values: samples.map((_, index) => series.latency(0.99, index)) },
        ])}
      </Metric>
      <Metric name="In flight" value={compact(series.last?.active ?? 0)}>
        {chart(36, tops.active, [{ color: '--accent', filled: true, values: samples.map(({ active }) => active) }])}
      </Metric>
    </div>
  );
}

/** Environments share their scales: the busy one is seen at a glance. */
function commonTops(): { requests: number; active: number } {
  const all = environments.value.flatMap(({ name }) => traffic.environments.get(name)?.samples ?? []);
  return {
    requests: all.reduce((top, { requests }) => Math.max(top, requests), 5),
    active: all.reduce((top, { active }) => Math.max(top, active), 4),
  };
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
