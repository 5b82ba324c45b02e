/** A date to the minute, in UTC. */
export function minuteOf(date: number): string {
  return `${new Date(date).toISOString().slice(0, 16).replace('T', ' ')}Z`;
}
