import { useSignal } from '@preact/signals';
import type { ServerAnswer } from '../../api/answers.ts';
import { ChooseEnvironment, fewEnvironments } from '../environments/choose-environment.tsx';
import { serverType } from '../environments/environment-card.tsx';
import { moment } from '../state/format.ts';
import { available, busiest, environments } from '../state/state.ts';
import { Command, joinCommand } from '../widgets/command.tsx';
import { Disclosure } from '../widgets/disclosure.tsx';
import { LongList } from '../widgets/long-list.tsx';
import { fits, SearchBox } from '../widgets/search-box.tsx';
import { addServer } from './server-actions.ts';

/** Available servers that are shown at first; above it they can be looked through. */
const firstShown = 6;

/** Servers that wait to be added somewhere: by button, or dragged onto an environment. */
export function AvailableServers() {
  const wanted = useSignal('');
  const all = available.value;
  return (
    <section class={all.length === 0 ? 'card available nobody' : 'card available'} aria-label="Available servers">
      <div class="card-head">
        <h2>
          Available servers <span class="count">{all.length}</span>
        </h2>
        {all.length > firstShown && <SearchBox label="Filter available servers" wanted={wanted} />}
      </div>
      {all.length === 0 ? (
        <div class="empty-part">
          <p class="muted">None is waiting. Start one, and it appears here:</p>
          <Command text={joinCommand()} />
        </div>
      ) : (
        <LongList
          items={all.filter(({ id, address }) => fits(wanted.value, `${id} ${address}`))}
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
  const { id, address, startedAt } = server;
  const drag = (event: DragEvent) => {
    event.dataTransfer?.setData(serverType, id);
    if (event.dataTransfer) event.dataTransfer.effectAllowed = 'move';
  };
  return (
    <li class="available-server" draggable onDragStart={drag} data-server={id}>
      <span class="grip" aria-hidden="true" />
      <div>
        <strong>{id}</strong>
        <span class="muted small">
          {address}
          {startedAt !== null && ` · since ${moment(startedAt)}`}
        </span>
      </div>
      <AddButton id={id} />
    </li>
  );
}

/** With one environment a plain button, with several a choice, the busiest first. */
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
