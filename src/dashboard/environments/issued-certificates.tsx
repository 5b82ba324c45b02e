import type { EnvironmentAnswer } from '../../api/answers.ts';

/** The certificates that an authority issues for an environment's hosts; nothing if there are none. */
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
          <li key={certificate} class="chip" title={failure?.reason}>
            {certificate}{' '}
            {failure !== undefined ? (
              <span class="badge tone-bad">failing, next attempt {day(failure.next)}</span>
            ) : until === null ? (
              <span class="badge tone-warn">being issued</span>
            ) : (
              <span class="muted small">
                until {day(until)}
                {renewal !== null && `, renewal ${day(renewal)}`}
              </span>
            )}
          </li>
        ))}
      </ul>
    </div>
  );
}

function day(date: number): string {
  return new Date(date).toISOString().slice(0, 16).replace('T', ' ');
}
