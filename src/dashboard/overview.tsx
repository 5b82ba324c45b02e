import { useSignal } from '@preact/signals';
import { Happenings } from './activity.tsx';
import { fewEnvironments } from './environments/choose-environment.tsx';
import { EnvironmentCard } from './environments/environment-card.tsx';
import { EnvironmentForm } from './environments/environment-form.tsx';
import { EnvironmentList } from './environments/environment-list.tsx';
import { AvailableServers } from './servers/available-servers.tsx';
import { compact, plural } from './state/format.ts';
import { environments, link, second, servers, traffic } from './state/state.ts';
import { Command } from './widgets/command.tsx';

/** Environments side by side, and the servers that could join them. */
export function Overview() {
  const creating = useSignal(false);
  const all = environments.value;
  return (
    <div class="view">
      <div class="view-head">
        <div>
          <h1>Environments</h1>
          <p class="muted small">
            <Summary />
          </p>
        </div>
        <button
          type="button"
          class="button"
          onClick={() => {
            creating.value = true;
          }}
        >
          New environment
        </button>
      </div>
      <AvailableServers />
      {all.length === 0 && (
        <section class="card first-step" aria-label="First step">
          <h2>Create an environment</h2>
          <p class="muted">
            A group of gateway servers that serve the same projects, with a listener of its own. Then servers are added, and projects
            deployed to it. Press <b>New environment</b>, or:
          </p>
          <Command text="sluice env create production" />
        </section>
      )}
      {all.length > fewEnvironments ? (
        <EnvironmentList />
      ) : (
        <div class="environments">
          {all.map((environment) => (
            <EnvironmentCard key={environment.name} environment={environment} />
          ))}
        </div>
      )}
      <section class="card" aria-label="Recent activity">
        <div class="card-head">
          <h2>Recent activity</h2>
          <a href="#activity" class="small">
            All activity
          </a>
        </div>
        <Happenings most={6} />
      </section>
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

function Summary() {
  second.value;
  const rate = environments.value.reduce((sum, { name }) => sum + traffic.environment(name).rate, 0);
  const flow = link.value === 'live' ? `${compact(rate)} requests/s in all` : 'traffic not known';
  return `${plural(environments.value.length, 'environment')} · ${plural(servers.value.size, 'server')} · ${flow}`;
}
