import type { Outcome } from './replay.ts';

const grouped = new Intl.NumberFormat('en-US');

/** Writes the result of a replay, as lines. */
export function report({ log, name, counts, seconds, stoppedWith }: Outcome): string[] {
  const old = log.requests.filter((request) => request.version === 'HTTP/1.0').length;
  return [
    `${grouped.format(counts.sent)} requests of ${name} in ${seconds.toFixed(1)} s, ${grouped.format(old)} of them as HTTP/1.0`,
    '',
    ...table('requests by server', [...counts.byServer].sort(), {
      'gateway-1': `stopped during the replay, ended with status ${stoppedWith}`,
      'gateway-3': 'started during the replay',
    }),
    ...table(
      'requests by status',
      [...counts.byStatus].sort().map(([status, count]) => [String(status), count]),
    ),
    'latency',
    ...[0.5, 0.9, 0.99].map((share) => line(`p${share * 100}`, `${counts.percentile(share).toFixed(2)} ms`)),
    line('max', `${counts.percentile(1).toFixed(2)} ms`),
    '',
    line('lost requests', grouped.format(counts.lost), 'no answer, or the wrong one'),
    line('not sendable', grouped.format(log.unsendable), 'lines of the log without an HTTP/1 request'),
    ...counts.losses.map((loss) => `  ${loss}`),
  ];
}

/** Returns the reason why a replay has failed; undefined if it has not. */
export function verdict({ counts, stoppedWith }: Outcome): string | undefined {
  if (counts.lost > 0) return `${grouped.format(counts.lost)} requests were lost`;
  if (stoppedWith !== 0) return `gateway-1 ended with status ${stoppedWith} after SIGTERM`;
  const idle = ['gateway-1', 'gateway-2', 'gateway-3'].filter((server) => !counts.byServer.has(server));
  return idle.length > 0 ? `no request reached ${idle.join(', ')}` : undefined;
}

function table(heading: string, rows: readonly (readonly [string, number])[], notes: Readonly<Record<string, string>> = {}): string[] {
  return [heading, ...rows.map(([key, count]) => line(key, grouped.format(count), notes[key])), ''];
}

function line(key: string, value: string, note = ''): string {
  return `  ${key.padEnd(14)}${value.padStart(10)}   ${note}`.trimEnd();
}
