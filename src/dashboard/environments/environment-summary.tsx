import type { EnvironmentAnswer } from '../../api/answers.ts';
import { compact, percent, plural, timeSpan } from '../state/format.ts';
import { busiest, conditionOf, connection, serversOf, traffic, trafficTick } from '../state/state.ts';
import { EnvironmentFrame } from './environment-frame.tsx';

/** An environment in one line; opening it shows its card. */
export function EnvironmentSummary({ environment: { name }, open }: { environment: EnvironmentAnswer; open: () => void }) {
  trafficTick.value;
  const series = traffic.environment(name);
  const live = connection.value === 'live';
  const { ready, bad, warn } = conditionOf(name);
  const figure = (label: string, value: string, look = '') => (
    <span class={`summary-figure ${look}`}>
      <span class="muted small">{label}</span> <b>{live ? value : '–'}</b>
    </span>
  );
  return (
    <EnvironmentFrame name={name} class="folded">
      <button type="button" class="summary" aria-expanded={false} onClick={open}>
        <span class="summary-name">
          <strong>{name}</strong>
          {bad > 0 && <span class="badge tone-bad">{bad} failing</span>}
          {bad === 0 && warn > 0 && <span class="badge tone-warn">{plural(warn, 'warning')}</span>}
          {busiest.value === name && <span class="badge tone-busy">Busiest</span>}
        </span>
        {figure('Requests', `${compact(series.rate)}/s`)}
        {figure('Errors', percent(series.errorShare), series.errorShare >= 0.01 ? 'figure-bad' : '')}
        {figure('p99', timeSpan(series.last?.p99))}
        {figure('In flight', compact(series.last?.active ?? 0))}
        <span class="summary-figure">
          <span class="muted small">Ready</span>{' '}
          <b>
            {ready} of {serversOf(name).length}
          </b>
        </span>
      </button>
    </EnvironmentFrame>
  );
}
