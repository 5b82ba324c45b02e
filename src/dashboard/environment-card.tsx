import { useSignal } from '@preact/signals';
import type { EnvironmentAnswer } from '../control/answers.ts';
import { call, pathOf } from './api.ts';
import { Confirm } from './dialog.tsx';
import { Disclosure } from './disclosure.tsx';
import { EnvironmentForm } from './environment-form.tsx';
import { plural } from './format.ts';
import { Metrics } from './metrics.tsx';
import { attempt } from './notices.tsx';
import { ProjectChip } from './project-chip.tsx';
import { addServer } from './server-actions.ts';
import { ServerRow } from './server-row.tsx';
import { busiest, deployments, serversOf } from './store.ts';

/** What a dragged server is called while it is dragged. */
export const serverType = 'application/x-sluice-server';

/** One environment: traffic, servers, deployed projects. Servers can be dropped on it. */
export function EnvironmentCard({ environment }: { environment: EnvironmentAnswer }) {
  const { name, hosts, status } = environment;
  const over = useSignal(false);
  const members = serversOf(name);
  const deployed = deployments.value[name]?.deployments ?? [];
  const isBusiest = busiest.value === name;
  const dragOver = (event: DragEvent) => {
    if (!event.dataTransfer?.types.includes(serverType)) return;
    event.preventDefault();
    over.value = true;
  };
  const drop = (event: DragEvent) => {
    over.value = false;
    const id = event.dataTransfer?.getData(serverType);
    if (!id) return;
    event.preventDefault();
    void addServer(id, name);
  };
  return (
    <section
      class={`card environment${isBusiest ? ' busiest' : ''}${over.value ? ' drop-here' : ''}`}
      aria-label={`Environment ${name}`}
      data-environment={name}
      onDragOver={dragOver}
      onDragLeave={() => {
        over.value = false;
      }}
      onDrop={drop}
    >
      <div class="card-head">
        <div>
          <h2>
            {name} {isBusiest && <span class="badge tone-busy">Busiest</span>}
          </h2>
          <p class="muted small">
            {status.listening === null ? 'not listening' : status.listening}
            {(hosts ?? []).length > 0 && ` · ${(hosts ?? []).join(', ')}`} · {environment.balance} · v{status.snapshot.version}
          </p>
        </div>
        <EnvironmentMenu environment={environment} />
      </div>
      <Metrics environment={name} />
      <div class="card-part">
        <h3>
          Servers <span class="count">{readyCount(members)}</span>
        </h3>
        {members.length === 0 ? (
          <p class="muted empty-part">No servers. Add an available one, or drop it here.</p>
        ) : (
          <ul class="servers">
            {members.map((server) => (
              <ServerRow key={server.id} server={server} environment={environment} />
            ))}
          </ul>
        )}
      </div>
      <div class="card-part">
        <h3>
          Projects <span class="count">{deployed.length}</span>
        </h3>
        {deployed.length === 0 ? (
          <p class="muted empty-part">
            Nothing deployed yet: choose one under <a href="#projects">Projects</a>.
          </p>
        ) : (
          <ul class="chips">
            {deployed.map((deployment) => (
              <ProjectChip key={deployment.project} deployment={deployment} />
            ))}
          </ul>
        )}
      </div>
    </section>
  );
}

function readyCount(members: ReturnType<typeof serversOf>): string {
  const ready = members.filter(({ state, health }) => state === 'ready' && health === 'up').length;
  return `${ready} of ${members.length} ready`;
}

function EnvironmentMenu({ environment: { name } }: { environment: EnvironmentAnswer }) {
  const asked = useSignal<'edit' | 'delete' | undefined>(undefined);
  const close = () => {
    asked.value = undefined;
  };
  const content = [
    ...(serversOf(name).length > 0 ? [plural(serversOf(name).length, 'server')] : []),
    ...((deployments.value[name]?.deployments.length ?? 0) > 0
      ? [plural(deployments.value[name]?.deployments.length ?? 0, 'deployment')]
      : []),
  ];
  return (
    <>
      <Disclosure label="⋯" description={`Actions for environment ${name}`} class="icon-button more">
        <button
          type="button"
          onClick={() => {
            asked.value = 'edit';
          }}
        >
          Settings…
        </button>
        <button
          type="button"
          class="danger-text"
          onClick={() => {
            asked.value = 'delete';
          }}
        >
          Delete…
        </button>
      </Disclosure>
      {asked.value === 'edit' && <EnvironmentForm name={name} close={close} />}
      {asked.value === 'delete' && (
        <Confirm
          title={`Delete ${name}?`}
          text={`It has ${content.length === 0 ? 'no servers and no deployments' : content.join(' and ')}. Its clients get no answer any more; its servers become available.`}
          action={`Delete ${name}`}
          close={close}
          confirm={() => void attempt(() => call('DELETE', `${pathOf('v1', 'environments', name)}?force=true`), `${name} is deleted`)}
        />
      )}
    </>
  );
}
