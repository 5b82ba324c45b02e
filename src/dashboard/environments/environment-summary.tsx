import type { EnvironmentAnswer } from '../../api/answers.ts';
import { compact, percent, plural, timeSpan } from '../state/format.ts';
import { busiest, conditionOf, connection, traffic, trafficTick } from '../state/state.ts';
import { EnvironmentFrame } from './environment-frame.tsx';
import { troubleOf } from './environment-trouble.ts';

/** An environment in one line; opening it shows its card. */
export function EnvironmentSummary({ environment, open }: { environment: EnvironmentAnswer; open: () => void }) {
  trafficTick.value;
  const { name } = environment;
  const series = traffic.environment(name);
  const live = connection.value === 'live';
  const { ready, all, warn } = conditionOf(name);
  const { text } = troubleOf(environment);
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
          {text !== '' && <span class="badge tone-bad">{text}</span>}
          {text === '' && warn > 0 && <span class="badge tone-warn">{plural(warn, 'warning')}</span>}
          {busiest.value === name && <span class="badge tone-busy">Busiest</span>}
        </span>
        {figure('Requests', `${compact(series.rate)}/s`)}
        {figure('Errors', percent(series.errorShare), series.errorShare >= 0.01 ? 'figure-bad' : '')}
        {figure('p99', timeSpan(series.last?.p99))}
        {figure('In flight', compact(series.last?.active ?? 0))}
        <span class="summary-figure">
          <span class="muted small">Ready</span>{' '}
          <b>
            {ready} of {all}
          </b>
        </span>
      </button>
    </EnvironmentFrame>
  );
}
