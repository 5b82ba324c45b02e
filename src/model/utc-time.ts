import type { Clock } from './clock.ts';

const digits = Array.from({ length: 1000 }, (_, number) => String(number).padStart(3, '0'));

/** Returns a function that writes the present time in UTC (RFC 3339) with milliseconds. A second is formatted once. */
export function utcTime(clock: Pick<Clock, 'date'>): () => string {
  let second = 0;
  let upToSecond = '';
  return () => {
    const now = clock.date();
    if (now < second || now >= second + 1000) {
      second = Math.floor(now / 1000) * 1000;
      upToSecond = new Date(second).toISOString().slice(0, -'000Z'.length);
    }
    return `${upToSecond}${digits[Math.floor(now - second)]}Z`;
  };
}
