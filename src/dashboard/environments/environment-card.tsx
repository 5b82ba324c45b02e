import { useSignal } from '@preact/signals';
import type { ComponentChildren } from 'preact';
import type { EnvironmentAnswer } from '../../api/answers.ts';
import { ProjectChip } from '../projects/project-chip.tsx';
import { addServer } from '../servers/server-actions.ts';
import { ServerList } from '../servers/server-list.tsx';
import { busiest, deployments, projects } from '../state/state.ts';
import { Command } from '../widgets/command.tsx';
import { EnvironmentMenu } from './environment-menu.tsx';
import { Metrics } from './metrics.tsx';

/** What a dragged server is called while it is dragged. */
export const serverType = 'application/x-sluice-server';
/** Deployed projects that are named; the others are under Projects. */
const mostChips = 12;

interface EnvironmentPlaceProps {
  readonly name: string;
  readonly class?: string;
  readonly children: ComponentChildren;
}

/** Where an environment is shown: servers can be dropped on it. */
export function EnvironmentPlace({ name, class: look = '', children }: EnvironmentPlaceProps) {
  const over = useSignal(false);
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
      class={`card environment ${look}${busiest.value === name ? ' busiest' : ''}${over.value ? ' drop-here' : ''}`}
      aria-label={`Environment ${name}`}
      data-environment={name}
      onDragOver={dragOver}
      onDragLeave={() => {
        over.value = false;
      }}
      onDrop={drop}
    >
      {children}
    </section>
  );
}

interface EnvironmentCardProps {
  readonly environment: EnvironmentAnswer;
  /** The button that makes it small, if there is one. */
  readonly fold?: ComponentChildren;
  /** What its servers are looked through for at first. */
  readonly find?: string | undefined;
}

/** One environment: traffic, servers, deployed projects. */
export function EnvironmentCard({ environment, fold, find }: EnvironmentCardProps) {
  const { name, hosts, status, balance } = environment;
  const facts = [status.listening ?? 'not listening', ...(hosts && hosts.length > 0 ? [hosts.join(', ')] : []), balance];
  return (
    <EnvironmentPlace name={name}>
      <div class="card-head">
        <div>
          <h2>
            {name} {busiest.value === name && <span class="badge tone-busy">Busiest</span>}
          </h2>
          <p class="muted small">
            {facts.join(' · ')} · v{status.snapshot.version}
          </p>
        </div>
        <div class="card-actions">
          {fold}
          <EnvironmentMenu name={name} />
        </div>
      </div>
      <Metrics environment={name} />
      <ServerList environment={environment} find={find} />
      <DeployedProjects environment={name} />
    </EnvironmentPlace>
  );
}

function DeployedProjects({ environment }: { environment: string }) {
  const deployed = deployments.value[environment]?.deployments ?? [];
  return (
    <div class="card-part">
      <h3>
        Projects <span class="count">{deployed.length}</span>
      </h3>
      {deployed.length === 0 ? (
        <div class="empty-part">
          <p class="muted">
            Nothing is deployed: clients get 404. Choose one under <a href="#projects">Projects</a>, or:
          </p>
          <Command text={`sluice deploy ${projects.value[0]?.name ?? 'PROJECT'} --environment ${environment} --wait`} />
        </div>
      ) : (
        <ul class="chips">
          {deployed.slice(0, mostChips).map((deployment) => (
            <ProjectChip key={deployment.project} environment={environment} deployment={deployment} />
          ))}
          {deployed.length > mostChips && (
            <li class="chip">
              <a href="#projects">{deployed.length - mostChips} more</a>
            </li>
          )}
        </ul>
      )}
    </div>
  );
}
