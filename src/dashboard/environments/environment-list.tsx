import { useSignal, useSignalEffect } from '@preact/signals';
import { useRef } from 'preact/hooks';
import type { EnvironmentAnswer } from '../../api/answers.ts';
import { isOpen, setOpen } from '../state/folds.ts';
import { sought, toggleFold } from '../state/place.ts';
import { serversOf } from '../state/state.ts';
import { LongList } from '../widgets/long-list.tsx';
import { exactFirst, matches, SearchBox } from '../widgets/search-box.tsx';
import { EnvironmentCard } from './environment-card.tsx';
import { EnvironmentSummary } from './environment-summary.tsx';
import { useEnvironmentOrder } from './use-environment-order.ts';

/** Number of environments shown initially. */
const firstShown = 40;

/** A list for many environments: one line each, expandable to a card. Its filter also finds servers. */
export function EnvironmentList() {
  const query = useSignal('');
  const list = useRef<HTMLDivElement>(null);
  useSignalEffect(() => {
    const { view, name } = sought.value ?? {};
    if (view !== 'overview' || name === undefined) return;
    query.value = name;
    setOpen('environment', name, true);
  });
  const shown = useEnvironmentOrder(list).filter(
    (environment) =>
      matches(query.value, aboutOf(environment)) ||
      (query.value.length > 1 && serversOf(environment.name).some(({ id }) => matches(query.value, id))),
  );
  return (
    <>
      <div class="list-head">
        <SearchBox label="Filter environments, hosts, servers" query={query} />
      </div>
      <div ref={list}>
        <LongList items={exactFirst(query.value, shown)} first={firstShown} noun="environment" class="environment-list">
          {(environment) => (
            <li key={environment.name}>
              {isOpen('environment', environment.name) ? (
                <EnvironmentCard
                  environment={environment}
                  // If the filter matched one of its servers, the card shows that server.
                  find={matches(query.value, aboutOf(environment)) ? undefined : query.value}
                  collapse={
                    <button
                      type="button"
                      class="button quiet"
                      aria-expanded
                      aria-label={`Collapse ${environment.name}`}
                      onClick={() => toggleFold({ view: 'overview', name: environment.name }, false)}
                    >
                      Collapse
                    </button>
                  }
                />
              ) : (
                <EnvironmentSummary environment={environment} open={() => toggleFold({ view: 'overview', name: environment.name }, true)} />
              )}
            </li>
          )}
        </LongList>
      </div>
      {shown.length === 0 && <p class="muted empty">No environment, host or server matches “{query.value}”.</p>}
    </>
  );
}

function aboutOf({ name, hosts }: EnvironmentAnswer): string {
  return [name, ...(hosts ?? [])].join(' ');
}
