/** Days before the end of a certificate from which the operator is told to renew it. */
const renewalDays = 14;
const dayMs = 86_400_000;

/** Counts the whole days that are left of a certificate, negative once it has expired; undefined before its last 14 days. */
export function lastDays(until: number | null, now: number): number | undefined {
  const days = until === null ? renewalDays : Math.floor((until - now) / dayMs);
  return days < renewalDays ? days : undefined;
}
