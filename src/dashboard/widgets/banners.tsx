import { certificateWarning } from '../../api/certificate-warning.ts';
import { clockTime } from '../state/format.ts';
import { connection, controlCertificate, lostAt, registryRefuses, registryUp, sessionEnds, trafficTick } from '../state/state.ts';

/** Milliseconds before the end of a session at which the warning appears. */
const warnMs = 10 * 60_000;

/** Warnings at the top of every view: no connection, no registry, a session about to end. */
export function Banners() {
  const lost = connection.value === 'lost';
  return (
    <div class="banners" role="status">
      {lost && (
        <p class="banner tone-bad">
          <b>No connection to the balancer since {clockTime(lostAt.value)}.</b> Servers and deployments are shown as last seen; traffic is
          unknown. The page reconnects by itself as soon as the balancer answers.
        </p>
      )}
      {!lost && !registryUp.value && (
        <p class="banner tone-warn">
          <b>The balancer cannot reach its registry.</b> Traffic continues with the last known servers; nothing can be changed until the
          registry answers again.
        </p>
      )}
      {!lost && registryUp.value && registryRefuses.value !== undefined && (
        <p class="banner tone-warn">
          <b>The registry refuses writes.</b> {registryRefuses.value}. Servers keep their traffic while they pass their health checks;
          nothing can be changed until then.
        </p>
      )}
      {!lost && <ControlCertificate />}
      {!lost && <SessionEnd />}
    </div>
  );
}

function ControlCertificate() {
  const certificate = controlCertificate.value;
  const warning = certificate && certificateWarning(certificate, Date.now());
  if (!warning) return null;
  return (
    <p class="banner tone-warn">
      <b>Control address:</b> {warning}.
    </p>
  );
}

function SessionEnd() {
  trafficTick.value;
  const left = sessionEnds.value - Date.now();
  if (sessionEnds.value === 0 || left > warnMs) return null;
  return (
    <p class="banner tone-warn">
      <b>Your session ends at {clockTime(sessionEnds.value)}.</b> Finish what you are doing, then sign out and in again.
    </p>
  );
}
