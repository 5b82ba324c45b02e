import { lastDays } from './last-days.ts';
import { minuteOf } from './minute-of.ts';

/** A certificate, as far as a warning needs it. */
interface Watched {
  readonly certificate: string;
  /** Milliseconds since 1970; null: it could never be used. */
  readonly until: number | null;
  readonly fault?: string | undefined;
}

/** Says what is wrong with a certificate: its files are faulty, it has expired, or it expires soon; undefined: nothing is. */
export function certificateWarning({ certificate, until, fault }: Watched, now: number): string | undefined {
  const days = lastDays(until, now);
  if (fault !== undefined) {
    const isValid = until !== null && until > now;
    const present = isValid ? `; the certificate that was read before stays in use, and is valid until ${minuteOf(until)}` : '';
    return `certificate ${certificate}: ${fault}${present}`;
  }
  if (days === undefined) return undefined;
  if (days < 0) return `certificate ${certificate} has expired: clients refuse it; renew it`;
  return `certificate ${certificate} expires in ${days} days: renew it`;
}
