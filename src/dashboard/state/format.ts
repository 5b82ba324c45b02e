/** A number in few characters: 0, 4.2, 318, 12.3k. */
export function compact(value: number): string {
  if (value >= 1e6) return `${trim(value / 1e6)}M`;
  if (value >= 10_000) return `${trim(value / 1000)}k`;
  if (value >= 100) return Math.round(value).toLocaleString('en');
  return trim(value);
}

/** Milliseconds: 0.42 ms, 18 ms, 1.2 s. */
export function timeSpan(ms: number | undefined): string {
  if (ms === undefined) return '–';
  if (ms >= 1000) return `${trim(ms / 1000)} s`;
  return `${ms < 1 ? ms.toFixed(2) : trim(ms)} ms`;
}

/** A share from 0 to 1 in percent. */
export function percent(share: number): string {
  if (share > 0 && share < 0.001) return '<0.1%';
  const value = share * 100;
  return `${value < 10 && value > 0 ? trim(value) : Math.round(value)}%`;
}

export function clockTime(at: number): string {
  return new Date(at).toLocaleTimeString('en-GB');
}

/** The time of day, preceded by the date unless that is today. */
export function moment(at: number, now = Date.now()): string {
  const day = (time: number) => new Date(time).toDateString();
  if (day(at) === day(now)) return clockTime(at);
  return `${new Date(at).toLocaleDateString('en-GB', { day: 'numeric', month: 'short' })} ${clockTime(at)}`;
}

export function dateTime(at: number): string {
  return new Date(at).toLocaleString('en-GB', { dateStyle: 'medium', timeStyle: 'short' });
}

export function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}

function trim(value: number): string {
  return value >= 100 ? String(Math.round(value)) : String(Number(value.toFixed(1)));
}
