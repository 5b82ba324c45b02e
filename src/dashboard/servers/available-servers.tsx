import { useSignal } from '@preact/signals';
import type { ServerAnswer } from '../../api/answers.ts';
import { placeOf } from '../../api/server-place.ts';

import { moment } from '../state/format.ts';
import { available, busiest, environments, fewEnvironments } from '../state/state.ts';
import { Disclosure } from '../widgets/disclosure.tsx';
import { LongList } from '../widgets/long-list.tsx';
import { matches, SearchBox } from '../widgets/search-box.tsx';
import { ChooseEnvironment } from './choose-environment.tsx';
import { JoinCommand } from './join-command.tsx';
import { addServer } from './server-actions.ts';
import { dragServer } from './server-drag.ts';

/** Number of servers shown initially. Above it there is a filter. */
const firstShown = 6;

/** The servers in no environment. They are added to one by a button, or by dragging them onto it. */
export function AvailableServers() {
  const query = useSignal('');
  const all = available.value;
  return (
    <section class={all.length === 0 ? 'card available none' : 'card available'} aria-label="Available servers">
      <div class="card-head">
        <h2>
          Available servers <span class="count">{all.length}</span>
        </h2>
        {all.length > firstShown && <SearchBox label="Filter available servers" query={query} />}
      </div>
      {all.length === 0 ? (
        <div class="empty-part">
          <p class="muted">No servers are waiting to be added. Start one, and it appears here:</p>
          <JoinCommand />
        </div>
      ) : (
        <LongList
          items={all.filter((server) => matches(query.value, `${server.id} ${placeOf(server)}`))}
          first={firstShown}
          noun="server"
          class="available-list"
        >
          {(server) => <AvailableServer key={server.id} server={server} />}
        </LongList>
      )}
    </section>
  );
}

function AvailableServer({ server }: { server: ServerAnswer }) {
  const { id, startedAt } = server;
  return (
    <li class="available-server" draggable onDragStart={(event) => dragServer(event, id)} data-server={id}>
      <span class="grip" aria-hidden="true" />
      <div>
        <strong>{id}</strong>
        <span class="muted small">
          {placeOf(server)}
          {startedAt !== null && ` · since ${moment(startedAt)}`}
        </span>
      </div>
      <AddButton id={id} />
    </li>
  );
}

/** A plain button for one environment, a menu for a few, a dialog for many; the busiest environment comes first. */
function AddButton({ id }: { id: string }) {
  const choosing = useSignal(false);
  const names = environments.value.map(({ name }) => name);
  if (names.length === 0) return <span class="muted small">Create an environment first</span>;
  if (names.length === 1) {
    return (
      <button type="button" class="button primary" onClick={() => void addServer(id, names[0] as string)}>
        Add to {names[0]}
      </button>
    );
  }
  if (names.length > fewEnvironments) {
    return (
      <>
        <button
          type="button"
          class="button primary"
          aria-label={`Add to an environment: ${id}`}
          onClick={() => {
            choosing.value = true;
          }}
        >
          Add to…
        </button>
        {choosing.value && (
          <ChooseEnvironment
            title={`Add ${id}`}
            action="Add"
            names={names}
            choose={(name) => addServer(id, name)}
            close={() => {
              choosing.value = false;
            }}
          />
        )}
      </>
    );
  }
  const busiestFirst = [...names].sort((one, other) => Number(other === busiest.value) - Number(one === busiest.value));
  return (
    <Disclosure label="Add to…" description={`Add to an environment: ${id}`} class="button primary">
      {busiestFirst.map((name) => (
        <button key={name} type="button" onClick={() => void addServer(id, name)}>
          {name} {name === busiest.value && <small>busiest now</small>}
        </button>
      ))}
    </Disclosure>
  );
}
