import type { ServerAnswer } from '../control/answers.ts';
import { Disclosure } from './disclosure.tsx';
import { serverType } from './environment-card.tsx';
import { clockTime } from './format.ts';
import { addServer } from './server-actions.ts';
import { available, busiest, environments } from './store.ts';

/** Servers that wait to be added somewhere: by button, or dragged onto an environment. */
export function AvailableServers() {
  return (
    <section class={available.value.length === 0 ? 'card available nobody' : 'card available'} aria-label="Available servers">
      <div class="card-head">
        <h2>
          Available servers <span class="count">{available.value.length}</span>
        </h2>
      </div>
      {available.value.length === 0 ? (
        <p class="muted empty-part">
          None waiting. Start one with <code>sluice gateway --join {location.origin}</code> and it appears here.
        </p>
      ) : (
        <ul class="available-list">
          {available.value.map((server) => (
            <AvailableServer key={server.id} server={server} />
          ))}
        </ul>
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
          {startedAt !== null && ` · since ${clockTime(startedAt)}`}
        </span>
      </div>
      <AddButton id={id} />
    </li>
  );
}

/** With one environment a plain button, with several a choice, the busiest first. */
function AddButton({ id }: { id: string }) {
  const names = environments.value
    .map(({ name }) => name)
    .sort((one, other) => Number(other === busiest.value) - Number(one === busiest.value));
  if (names.length === 0) return <span class="muted small">Create an environment first</span>;
  if (names.length === 1) {
    return (
      <button type="button" class="button primary" onClick={() => void addServer(id, names[0] as string)}>
        Add to {names[0]}
      </button>
    );
  }
  return (
    <Disclosure label="Add to…" description={`Add ${id} to an environment`} class="button primary">
      {names.map((name) => (
        <button key={name} type="button" onClick={() => void addServer(id, name)}>
          {name} {name === busiest.value && <small>busiest now</small>}
        </button>
      ))}
    </Disclosure>
  );
}
