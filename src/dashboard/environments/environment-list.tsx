import { useSignal } from '@preact/signals';
import type { EnvironmentAnswer } from '../../api/answers.ts';
import { compact } from '../state/format.ts';
import { busiest, conditionOf, environments, second, serversOf, traffic } from '../state/state.ts';
import { LongList } from '../widgets/long-list.tsx';
import { fits, SearchBox } from '../widgets/search-box.tsx';
import { EnvironmentCard } from './environment-card.tsx';
import { EnvironmentSummary } from './environment-summary.tsx';

/** Environments that are shown at first. */
const firstShown = 40;
/** Named as in need of a look. */
const mostNamed = 5;

/** Many environments: a line each, a card for those that were opened. Servers are looked for too. */
export function EnvironmentList() {
  const wanted = useSignal('');
  const opened = useSignal<ReadonlySet<string>>(new Set());
  const turn = (name: string) => {
    const next = new Set(opened.value);
    if (!next.delete(name)) next.add(name);
    opened.value = next;
  };
  const shown = environments.value.filter(
    (environment) =>
      fits(wanted.value, aboutOf(environment)) ||
      (wanted.value.length > 1 && serversOf(environment.name).some(({ id }) => fits(wanted.value, id))),
  );
  return (
    <>
      <div class="list-head">
        <SearchBox label="Filter environments, hosts, servers" wanted={wanted} />
        <Attention
          show={(name) => {
            wanted.value = name;
            if (!opened.value.has(name)) turn(name);
          }}
        />
      </div>
      <LongList items={shown} first={firstShown} noun="environment" class="environment-list">
        {(environment) => (
          <li key={environment.name}>
            {opened.value.has(environment.name) ? (
              <EnvironmentCard
                environment={environment}
                // Looked for by a server, it opens with that server.
                find={fits(wanted.value, aboutOf(environment)) ? undefined : wanted.value}
                fold={
                  <button type="button" class="button quiet" aria-expanded onClick={() => turn(environment.name)}>
                    Fold
                  </button>
                }
              />
            ) : (
              <EnvironmentSummary environment={environment} open={() => turn(environment.name)} />
            )}
          </li>
        )}
      </LongList>
      {shown.length === 0 && <p class="muted empty">No environment, host or server fits “{wanted.value}”.</p>}
    </>
  );
}

function aboutOf({ name, hosts }: EnvironmentAnswer): string {
  return [name, ...(hosts ?? [])].join(' ');
}

/** Where to look first: what fails, and what is busiest. */
function Attention({ show }: { show: (name: string) => void }) {
  second.value;
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
