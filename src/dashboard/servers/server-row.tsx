import type { EnvironmentAnswer, ServerAnswer } from '../../api/answers.ts';
import { sameSnapshot } from '../../model/snapshot-id.ts';
import { compact, percent } from '../state/format.ts';
import { activeOn, link, second, traffic } from '../state/state.ts';
import { ServerMenu } from './server-menu.tsx';
import { describeStanding } from './standing.ts';

/** One server of an environment: how it stands, what it carries, what it runs. */
export function ServerRow({ server, environment }: { server: ServerAnswer; environment: EnvironmentAnswer }) {
  second.value;
  const { name, status } = environment;
  const wanted = status.snapshot;
  const active = activeOn(name, server.id);
  const standing = describeStanding(server, wanted, active);
  const behind = server.running !== null && !sameSnapshot(server.running, wanted);
  return (
    <li class={`server tone-${standing.tone}`} data-server={server.id}>
      <div class="server-name">
        <span class="dot" aria-hidden="true" />
        <div>
          <strong title={server.id}>{server.id}</strong>
          <span class="muted small">{server.address}</span>
        </div>
      </div>
      <div class="server-standing">
        <span class="badge">{standing.word}</span>
      </div>
      {standing.reason !== undefined && <p class="reason">{standing.reason}</p>}
      <Share environment={name} id={server.id} />
      <div class="server-facts small muted">
        <span title="Exchanges in flight">
          <b>{active ?? '–'}</b> in flight
        </span>
        <span class={behind ? 'behind' : undefined} title="Version it runs, of the one wanted">
          {server.running === null ? (server.source === 'join' ? 'no version yet' : 'unreported') : `v${server.running.version}`}
          {behind && ` → v${wanted.version}`}
        </span>
        <span title="Share relative to the others">weight {server.weight}</span>
      </div>
      {server.source === 'static' ? (
        <span class="fixed-server muted small" title="Written in the configuration of the environment: it is changed there">
          static
        </span>
      ) : (
        <ServerMenu server={server} environment={name} />
      )}
    </li>
  );
}

/** Its part of the environment's traffic. */
function Share({ environment, id }: { environment: string; id: string }) {
  second.value;
  if (link.value !== 'live') return <div class="server-share muted small">–</div>;
  const share = traffic.share(environment, id);
  const { rate, last } = traffic.server(environment, id);
  return (
    <div class="server-share" title={last?.p99 === undefined ? undefined : `p50 ${compact(last.p50 ?? 0)} ms, p99 ${compact(last.p99)} ms`}>
      <span class="bar" aria-hidden="true">
        <span style={{ width: percent(share) }} />
      </span>
      <span class="share-figures">
        <b>{percent(share)}</b> <span class="muted">{compact(rate)}/s</span>
      </span>
    </div>
  );
}
