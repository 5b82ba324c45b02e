import type { EnvironmentAnswer } from '../../api/answers.ts';

/** The certificates that an authority issues for an environment's hosts, and why one gets no new one; nothing if there are none. */
export function IssuedCertificates({ environment: { status } }: { environment: EnvironmentAnswer }) {
  const issued = (status.certificates ?? []).flatMap(({ certificate, until, acme }) =>
    acme === undefined ? [] : [{ certificate, until, acme }],
  );
  if (issued.length === 0) return null;
  return (
    <div class="card-part">
      <h3>
        Certificates <span class="count">{issued.length}</span>
      </h3>
      <ul class="chips">
        {issued.map(({ certificate, until, acme: { renewal, failure } }) => (
          <li key={certificate} class={`chip tone-${failure !== undefined ? 'bad' : until === null ? 'busy' : 'good'}`}>
            <span class="dot" aria-hidden="true" />
            <b>{certificate}</b>
            <span class="muted">{until === null ? 'self-signed until the first is issued' : `valid until ${minuteOf(until)}`}</span>
            {failure === undefined && renewal !== null && <span class="muted">renewal {minuteOf(renewal)}</span>}
            {failure !== undefined && (
              <span class="muted">
                next attempt {minuteOf(failure.next)} · {failure.reason}
              </span>
            )}
          </li>
        ))}
      </ul>
    </div>
  );
}

/** A date to the minute, in UTC. */
function minuteOf(date: number): string {
  return `${new Date(date).toISOString().slice(0, 16).replace('T', ' ')}Z`;
}
