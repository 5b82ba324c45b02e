import type { Outcome } from './replay.ts';

const grouped = new Intl.NumberFormat('en-US');

/** The table of a replay, as lines. */
export function report({ log, name, tally, seconds, stoppedWith }: Outcome): string[] {
  const old = log.requests.filter((request) => request.version === 'HTTP/1.0').length;
  return [
    `${grouped.format(tally.sent)} requests of ${name} in ${seconds.toFixed(1)} s, ${grouped.format(old)} of them as HTTP/1.0`,
    '',
    ...table('requests by server', [...tally.byServer].sort(), {
      'gateway-1': `stopped on the way, ended with status ${stoppedWith}`,
      'gateway-3': 'started on the way',
    }),
    ...table(
      'requests by status',
      [...tally.byStatus].sort().map(([status, count]) => [String(status), count]),
    ),
    'latency',
    ...[0.5, 0.9, 0.99].map((share) => line(`p${share * 100}`, `${tally.percentile(share).toFixed(2)} ms`)),
    line('max', `${tally.percentile(1).toFixed(2)} ms`),
    '',
    line('lost requests', grouped.format(tally.lost), 'no answer, or not the answer to what was asked'),
    line('not sendable', grouped.format(log.unsendable), 'lines of the log that hold no HTTP/1 request'),
    ...tally.losses.map((loss) => `  ${loss}`),
  ];
}

/** What speaks against a replay; undefined if all went as promised. */
export function verdict({ tally, stoppedWith }: Outcome): string | undefined {
  if (tally.lost > 0) return `${grouped.format(tally.lost)} requests were lost`;
  if (stoppedWith !== 0) return `gateway-1 ended with status ${stoppedWith} after SIGTERM`;
  const idle = ['gateway-1', 'gateway-2', 'gateway-3'].filter((server) => !tally.byServer.has(server));
  return idle.length > 0 ? `no request reached ${idle.join(', ')}` : undefined;
}

function table(heading: string, rows: readonly (readonly [string, number])[], notes: Readonly<Record<string, string>> = {}): string[] {
  return [heading, ...rows.map(([key, count]) => line(key, grouped.format(count), notes[key])), ''];
}

function line(key: string, value: string, note = ''): string {
  return `  ${key.padEnd(14)}${value.padStart(10)}   ${note}`.trimEnd();
}
