import { useSignal } from '@preact/signals';
import type { EnvironmentAnswer } from '../../api/answers.ts';
import { compact } from '../state/format.ts';
import { busiest, conditionOf, environments, serversOf, traffic, trafficTick } from '../state/state.ts';
import { LongList } from '../widgets/long-list.tsx';
import { matches, SearchBox } from '../widgets/search-box.tsx';
import { EnvironmentCard } from './environment-card.tsx';
import { EnvironmentSummary } from './environment-summary.tsx';

/** Number of environments shown initially. */
const firstShown = 40;
/** Number of failing environments named at the top. */
const mostNamed = 5;

/** A list for many environments: one line each, expandable to a card. Its filter also finds servers. */
export function EnvironmentList() {
  const query = useSignal('');
  const opened = useSignal<ReadonlySet<string>>(new Set());
  const toggle = (name: string) => {
    const next = new Set(opened.value);
    if (!next.delete(name)) next.add(name);
    opened.value = next;
  };
  const shown = environments.value.filter(
    (environment) =>
      matches(query.value, aboutOf(environment)) ||
      (query.value.length > 1 && serversOf(environment.name).some(({ id }) => matches(query.value, id))),
  );
  return (
    <>
      <div class="list-head">
        <SearchBox label="Filter environments, hosts, servers" query={query} />
        <Attention
          show={(name) => {
            query.value = name;
            if (!opened.value.has(name)) toggle(name);
          }}
        />
      </div>
      <LongList items={shown} first={firstShown} noun="environment" class="environment-list">
        {(environment) => (
          <li key={environment.name}>
            {opened.value.has(environment.name) ? (
              <EnvironmentCard
                environment={environment}
                // If the filter matched one of its servers, the card shows that server.
                find={matches(query.value, aboutOf(environment)) ? undefined : query.value}
                collapse={
                  <button type="button" class="button quiet" aria-expanded onClick={() => toggle(environment.name)}>
                    Collapse
                  </button>
                }
              />
            ) : (
              <EnvironmentSummary environment={environment} open={() => toggle(environment.name)} />
            )}
          </li>
        )}
      </LongList>
      {shown.length === 0 && <p class="muted empty">No environment, host or server matches “{query.value}”.</p>}
    </>
  );
}

function aboutOf({ name, hosts }: EnvironmentAnswer): string {
  return [name, ...(hosts ?? [])].join(' ');
}

/** Buttons for the environments to look at first: the failing ones and the busiest one. */
function Attention({ show }: { show: (name: string) => void }) {
  trafficTick.value;
  const failing = environments.value
    .map(({ name }) => ({ name, bad: conditionOf(name).bad }))
    .filter(({ bad }) => bad > 0)
    .sort((one, other) => other.bad - one.bad);
  const busy = busiest.value;
  return (
    <div class="attention">
      {failing.slice(0, mostNamed).map(({ name, bad }) => (
        <button key={name} type="button" class="chip tone-bad" onClick={() => show(name)}>
          <span class="dot" aria-hidden="true" />
          <b>{name}</b> {bad} failing
        </button>
      ))}
      {failing.length > mostNamed && <span class="muted small">and {failing.length - mostNamed} more</span>}
      {busy !== undefined && (
        <button type="button" class="chip tone-busy" onClick={() => show(busy)}>
          <span class="dot" aria-hidden="true" />
          Busiest: <b>{busy}</b> {compact(traffic.environment(busy).rate)}/s
        </button>
      )}
    </div>
  );
}
