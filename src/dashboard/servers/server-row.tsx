import type { EnvironmentAnswer, ServerAnswer } from '../../api/answers.ts';
import { certificateWarning } from '../../api/certificate-warning.ts';
import { placeOf } from '../../api/server-place.ts';
import { sameSnapshot } from '../../model/snapshot-id.ts';
import { compact, percent } from '../state/format.ts';
import { describeStanding } from '../state/server-standing.ts';
import { activeOn, connection, traffic, trafficTick } from '../state/state.ts';
import { ServerMenu } from './server-menu.tsx';

/** Shown in place of the version of a server that runs none, or does not report it. */
const versionless = { join: 'no version yet', http: 'unreported', static: 'static' } as const;

/** One server of an environment: its standing, its traffic and the snapshot version it runs. */
export function ServerRow({ server, environment }: { server: ServerAnswer; environment: EnvironmentAnswer }) {
  trafficTick.value;
  const { name, status } = environment;
  const wanted = status.snapshot;
  const active = activeOn(name, server.id);
  const standing = describeStanding(server, wanted, active);
  const certificate = server.ownCertificate && certificateWarning(server.ownCertificate, Date.now());
  const reasons = [standing.reason, certificate].filter((one) => one !== undefined);
  const behind = server.running !== null && !sameSnapshot(server.running, wanted);
  return (
    <li class={`server tone-${standing.tone}`} data-server={server.id}>
      <div class="server-name">
        <span class="dot" aria-hidden="true" />
        <div>
          <strong title={server.id}>{server.id}</strong>
          <span class="muted small">
            {placeOf(server)}
            {server.hop?.tls === true && <span title={certificateTitle(server.hop.until)}> · TLS</span>}
            {server.proxyProtocol !== undefined && ` · PROXY ${server.proxyProtocol}`}
          </span>
        </div>
      </div>
      <div class="server-standing">
        <span class="badge">{standing.word}</span>
      </div>
      {reasons.length > 0 && <p class="reason">{reasons.join('; ')}</p>}
      <Share environment={name} id={server.id} />
      <div class="server-facts small muted">
        <span title="Requests in flight">
          <b>{active ?? '–'}</b> in flight
        </span>
        <span class={behind ? 'behind' : undefined} title="Snapshot version it runs, and the environment's version if that differs">
          {server.running === null ? versionless[server.source] : `v${server.running.version}`}
          {behind && ` → v${wanted.version}`}
        </span>
        <span title="Share of the requests, relative to the other servers">weight {server.weight}</span>
      </div>
      <ServerMenu server={server} environment={name} />
    </li>
  );
}

/** Says how long the certificate of a server is valid, which balancers renew. */
function certificateTitle(until: number | null): string {
  return until === null ? 'Mutual TLS' : `Mutual TLS; its certificate ends ${new Date(until).toLocaleString()}, and is renewed before`;
}

/** A server's share of its environment's traffic. */
function Share({ environment, id }: { environment: string; id: string }) {
  trafficTick.value;
  if (connection.value !== 'live') return <div class="server-share muted small">–</div>;
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
