import type { EnvironmentAnswer, ServerAnswer } from '../control/answers.ts';
import { Disclosure } from './disclosure.tsx';
import { compact, percent } from './format.ts';
import { addServer, drainServer, removeServer, weighServer } from './server-actions.ts';
import { standingOf } from './standing.ts';
import { environments, second, traffic } from './store.ts';

/** One server of an environment: how it stands, what it carries, what it runs. */
export function ServerRow({ server, environment }: { server: ServerAnswer; environment: EnvironmentAnswer }) {
  second.value;
  const wanted = environment.status.snapshot;
  const standing = standingOf(server, wanted);
  const share = traffic.share(environment.name, server.id);
  const rate = traffic.server(environment.name, server.id)?.rate ?? 0;
  const behind = server.running !== null && server.running.hash !== wanted.hash;
  return (
    <li class={`server tone-${standing.tone}`} data-server={server.id}>
      <div class="server-name">
        <span class="dot" aria-hidden="true" />
        <div>
          <strong>{server.id}</strong>
          <span class="muted small">{server.address}</span>
        </div>
      </div>
      <div class="server-standing">
        <span class="badge">{standing.word}</span>
      </div>
      {standing.reason !== undefined && <p class="reason">{standing.reason}</p>}
      <div class="server-share" title={`weight ${server.weight}`}>
        <span class="bar" aria-hidden="true">
          <span style={{ width: percent(share) }} />
        </span>
        <span class="share-figures">
          <b>{percent(share)}</b> <span class="muted">{compact(rate)}/s</span>
        </span>
      </div>
      <div class="server-facts small muted">
        <span title="Exchanges in flight">
          <b>{server.active}</b> in flight
        </span>
        <span class={behind ? 'behind' : undefined} title="Version it runs, of the one wanted">
          {server.running === null ? (server.source === 'join' ? 'no version yet' : 'unreported') : `v${server.running.version}`}
          {behind && ` → v${wanted.version}`}
        </span>
        <span title="Share relative to the others">weight {server.weight}</span>
      </div>
      {server.source !== 'static' && <ServerMenu server={server} environment={environment.name} />}
    </li>
  );
}

function ServerMenu({ server, environment }: { server: ServerAnswer; environment: string }) {
  const { id, weight, state, movingTo } = server;
  const others = environments.value.filter(({ name }) => name !== environment);
  const leaving = movingTo !== undefined;
  const weigh = (event: Event) => void weighServer(id, Number((event.currentTarget as HTMLInputElement).value));
  return (
    <Disclosure label="⋯" description={`Actions for ${id}`} class="icon-button more">
      {state === 'draining' && !leaving ? (
        <button type="button" onClick={() => void drainServer(id, false)}>
          Resume
        </button>
      ) : (
        <button type="button" disabled={leaving} onClick={() => void drainServer(id, true)}>
          Drain <small>nothing new, finish the rest</small>
        </button>
      )}
      {others.map(({ name }) => (
        <button key={name} type="button" onClick={() => void addServer(id, name)}>
          Move to {name}
        </button>
      ))}
      <button type="button" disabled={movingTo === null} onClick={() => void removeServer(id, environment)}>
        Remove <small>drain, then available</small>
      </button>
      <label class="menu-field" data-stay>
        Weight
        <input type="number" min={0} max={65535} value={weight} onChange={weigh} />
      </label>
    </Disclosure>
  );
}
