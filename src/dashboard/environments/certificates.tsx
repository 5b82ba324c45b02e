import type { EnvironmentAnswer } from '../../api/answers.ts';
import { lastDays } from '../../api/last-days.ts';
import { minuteOf } from '../../api/minute-of.ts';

type Certificate = NonNullable<EnvironmentAnswer['status']['certificates']>[number];

/** The certificates of an environment, from files or issued by an authority, and what is wrong with them; nothing if there are none. */
export function Certificates({ environment: { status } }: { environment: EnvironmentAnswer }) {
  const { certificates = [] } = status;
  if (certificates.length === 0) return null;
  return (
    <div class="card-part">
      <h3>
        Certificates <span class="count">{certificates.length}</span>
      </h3>
      <ul class="chips">
        {certificates.map((certificate) => {
          const { tone, facts } = standingOf(certificate);
          return (
            <li key={certificate.certificate} class={`chip tone-${tone}`}>
              <span class="dot" aria-hidden="true" />
              <b>{certificate.certificate}</b>
              {facts.map((fact) => (
                <span key={fact} class="muted">
                  {fact}
                </span>
              ))}
            </li>
          );
        })}
      </ul>
    </div>
  );
}

interface Standing {
  readonly tone: 'good' | 'busy' | 'warn' | 'bad';
  readonly facts: readonly string[];
}

function standingOf(certificate: Certificate): Standing {
  if (certificate.acme !== undefined) return issued(certificate, certificate.acme);
  return certificate.revoked === undefined ? ofFile(certificate) : ofList(certificate, certificate.revoked);
}

function ofList({ until, fault }: Certificate, revoked: number): Standing {
  const facts = [`revocation list · ${revoked} revoked`, ...(until === null ? [] : [`next due ${minuteOf(until)}`])];
  return fault === undefined ? { tone: 'good', facts } : { tone: 'bad', facts: [...facts, fault] };
}

function ofFile({ until, fault }: Certificate): Standing {
  const days = lastDays(until, Date.now());
  const isExpired = days !== undefined && days < 0;
  const validity = until === null ? [] : [`${isExpired ? 'expired' : 'valid until'} ${minuteOf(until)}`];
  if (fault !== undefined) return { tone: 'bad', facts: [...validity, fault] };
  if (isExpired) return { tone: 'bad', facts: validity };
  return days === undefined ? { tone: 'good', facts: validity } : { tone: 'warn', facts: [...validity, 'renew it'] };
}

function issued({ until }: Certificate, { renewal, failure }: NonNullable<Certificate['acme']>): Standing {
  const validity = until === null ? 'self-signed until the first is issued' : `valid until ${minuteOf(until)}`;
  if (failure !== undefined) return { tone: 'bad', facts: [validity, `next attempt ${minuteOf(failure.next)} · ${failure.reason}`] };
  return { tone: until === null ? 'busy' : 'good', facts: [validity, ...(renewal === null ? [] : [`renewal ${minuteOf(renewal)}`])] };
}
