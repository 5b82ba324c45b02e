const months = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'];
/** `Sun, 06 Nov 1994 08:49:37 GMT`. */
const fixed = /^[a-z]{3}, (\d{2}) ([a-z]{3}) (\d{4}) (\d{2}):(\d{2}):(\d{2}) gmt$/i;
/** `Sunday, 06-Nov-94 08:49:37 GMT`. */
const rfc850 = /^[a-z]+day, (\d{2})-([a-z]{3})-(\d{2}) (\d{2}):(\d{2}):(\d{2}) gmt$/i;
/** `Sun Nov  6 08:49:37 1994`. */
const asctime = /^[a-z]{3} ([a-z]{3}) ([ \d]\d) (\d{2}):(\d{2}):(\d{2}) (\d{4})$/i;

/** Milliseconds since the epoch of an HTTP date in any of its three formats (RFC 9110 section 5.6.7); undefined: it is none. */
export function httpDateOf(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const [, day = '', month = '', year = '', ...time] = fixed.exec(text) ?? [];
  if (day !== '') return utc(Number(year), month, day, time);
  const [, oldDay = '', oldMonth = '', oldYear = '', ...oldTime] = rfc850.exec(text) ?? [];
  if (oldDay !== '') return utc(fullYear(Number(oldYear)), oldMonth, oldDay, oldTime);
  const [, cMonth = '', cDay = '', hour = '', minute = '', second = '', cYear = ''] = asctime.exec(text) ?? [];
  return cMonth === '' ? undefined : utc(Number(cYear), cMonth, cDay, [hour, minute, second]);
}

function utc(year: number, month: string, day: string, [hour, minute, second]: readonly string[]): number | undefined {
  const at = months.indexOf(month.toLowerCase());
  return at < 0 ? undefined : Date.UTC(year, at, Number(day), Number(hour), Number(minute), Number(second));
}

/** A year of two digits that appears to be more than 50 years in the future is in the past. */
function fullYear(twoDigits: number): number {
  const now = new Date().getUTCFullYear();
  const year = now - (now % 100) + twoDigits;
  return year > now + 50 ? year - 100 : year;
}
