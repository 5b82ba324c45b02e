import type { Tone } from '../../api/answers.ts';
import { lastDays } from '../../api/last-days.ts';
import { dateTime, plural } from '../state/format.ts';

/** Words for the expiry of a key or password, and a tone once it has expired or does so within 14 days. */
export function expiryOf(expires: string | null, now = Date.now()): { readonly text: string; readonly tone?: Tone } {
  if (expires === null) return { text: 'never' };
  const until = Date.parse(expires);
  const days = lastDays(until, now);
  if (days === undefined) return { text: dateTime(until) };
  if (until <= now) return { text: `expired ${dateTime(until)}`, tone: 'bad' };
  return { text: days === 0 ? 'within a day' : `in ${plural(days, 'day')}`, tone: 'warn' };
}
