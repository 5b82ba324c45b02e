import { useSignal } from '@preact/signals';
import { Happenings } from './activity.tsx';
import { AvailableServers } from './available-servers.tsx';
import { EnvironmentCard } from './environment-card.tsx';
import { EnvironmentForm } from './environment-form.tsx';
import { compact, plural } from './format.ts';
import { environments, second, servers, traffic } from './store.ts';

/** Environments side by side, and the servers that could join them. */
export function Overview() {
  const creating = useSignal(false);
  const create = () => {
    creating.value = true;
  };
  return (
    <div class="view">
      <div class="view-head">
        <div>
          <h1>Environments</h1>
          <p class="muted small">{summary()}</p>
        </div>
        <button type="button" class="button" onClick={create}>
          New environment
        </button>
      </div>
      <AvailableServers />
      {environments.value.length === 0 && (
        <p class="muted empty">No environment yet. Create one, then add servers and deploy projects to it.</p>
      )}
      <div class="environments">
        {environments.value.map((environment) => (
          <EnvironmentCard key={environment.name} environment={environment} />
        ))}
        {/* Beside an environment that would stand alone. */}
        <section class={environments.value.length % 2 === 0 ? 'card across' : 'card'} aria-label="Recent activity">
          <div class="card-head">
            <h2>Recent activity</h2>
            <a href="#activity" class="small">
              All
            </a>
          </div>
          <Happenings most={6} />
        </section>
      </div>
      {creating.value && (
        <EnvironmentForm
          close={() => {
            creating.value = false;
          }}
        />
      )}
    </div>
  );
}

function summary(): string {
  second.value;
  const rate = environments.value.reduce((sum, { name }) => sum + (traffic.environments.get(name)?.rate ?? 0), 0);
  return `${plural(environments.value.length, 'environment')} · ${plural(servers.value.size, 'server')} · ${compact(rate)} requests/s in all`;
}
