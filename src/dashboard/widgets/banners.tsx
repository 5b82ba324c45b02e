import { clockTime } from '../state/format.ts';
import { link, lostAt, registryUp, second, sessionEnds } from '../state/state.ts';

/** Milliseconds before the end of a session from which on it is said. */
const warnMs = 10 * 60_000;

/** What everybody who looks at the page has to know at present. */
export function Banners() {
  const lost = link.value === 'lost';
  return (
    <div class="banners" role="status">
      {lost && (
        <p class="banner tone-bad">
          <b>No connection to the balancer since {clockTime(lostAt.value)}.</b> Servers and deployments are as last seen; traffic is not
          known. It goes on by itself as soon as the balancer answers.
        </p>
      )}
      {!lost && !registryUp.value && (
        <p class="banner tone-warn">
          <b>The balancer does not reach its registry.</b> Traffic goes on with the servers last known; nothing can be changed until the
          registry answers again.
        </p>
      )}
      {!lost && <SessionEnd />}
    </div>
  );
}

function SessionEnd() {
  second.value;
  const left = sessionEnds.value - Date.now();
  if (sessionEnds.value === 0 || left > warnMs) return null;
  return (
    <p class="banner tone-warn">
      <b>Your session ends at {clockTime(sessionEnds.value)}.</b> Finish what you are doing, then sign out and in again.
    </p>
  );
}
