import { useSignal } from '@preact/signals';
import { Happenings } from './activity.tsx';
import { EnvironmentCards } from './environments/environment-cards.tsx';
import { EnvironmentForm } from './environments/environment-form.tsx';
import { EnvironmentList } from './environments/environment-list.tsx';
import { EnvironmentStrip } from './environments/environment-strip.tsx';
import { AvailableServers } from './servers/available-servers.tsx';
import { compact, plural } from './state/format.ts';
import { connection, environments, fewEnvironments, servers, traffic, trafficTick } from './state/state.ts';
import { Command, operatorCommand } from './widgets/command.tsx';

/** The overview: environments side by side, and the available servers. */
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
      {all.length > 0 && <EnvironmentStrip />}
      <AvailableServers />
      {all.length === 0 && (
        <section class="card first-step" aria-label="First step">
          <h2>Create an environment</h2>
          <p class="muted">
            An environment is a group of gateway servers that serve the same projects at one listener. Once it exists, add servers and
            deploy projects to it. Press <b>New environment</b>, or run:
          </p>
          <Command text={operatorCommand('sluice env create production')} />
        </section>
      )}
      {all.length > fewEnvironments ? <EnvironmentList /> : <EnvironmentCards />}
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
  trafficTick.value;
  const rate = environments.value.reduce((sum, { name }) => sum + traffic.environment(name).rate, 0);
  const flow = connection.value === 'live' ? `${compact(rate)} requests/s in total` : 'traffic unknown';
  return `${plural(environments.value.length, 'environment')} · ${plural(servers.value.size, 'server')} · ${flow}`;
}
