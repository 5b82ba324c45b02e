import type { EnvironmentAnswer } from '../../api/answers.ts';
import { compact, duration, percent } from '../state/format.ts';
import { busiest, conditionOf, link, second, serversOf, traffic } from '../state/state.ts';
import { EnvironmentPlace } from './environment-card.tsx';

/** An environment in one line, for where there are many; opened, it is a card. */
export function EnvironmentSummary({ environment: { name }, open }: { environment: EnvironmentAnswer; open: () => void }) {
  second.value;
  const series = traffic.environment(name);
  const live = link.value === 'live';
  const { ready, bad, warn } = conditionOf(name);
  const figure = (label: string, value: string, look = '') => (
    <span class={`summary-figure ${look}`}>
      <span class="muted small">{label}</span> <b>{live ? value : '–'}</b>
    </span>
  );
  return (
    <EnvironmentPlace name={name} class="folded">
      <button type="button" class="summary" aria-expanded={false} onClick={open}>
        <span class="summary-name">
          <strong>{name}</strong>
          {bad > 0 && <span class="badge tone-bad">{bad} failing</span>}
          {bad === 0 && warn > 0 && <span class="badge tone-warn">{warn} to look at</span>}
          {busiest.value === name && <span class="badge tone-busy">Busiest</span>}
        </span>
        {figure('Requests', `${compact(series.rate)}/s`)}
        {figure('Errors', percent(series.errorShare), series.errorShare >= 0.01 ? 'figure-bad' : '')}
        {figure('p99', duration(series.last?.p99))}
        {figure('In flight', compact(series.last?.active ?? 0))}
        <span class="summary-figure">
          <span class="muted small">Ready</span>{' '}
          <b>
            {ready} of {serversOf(name).length}
          </b>
        </span>
      </button>
    </EnvironmentPlace>
  );
}
