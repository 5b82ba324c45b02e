import type { ExchangeCounts } from '../model/counts.ts';
import { byName, byStatusClass, type Family, type Labels, perRow, seriesOf } from './family.ts';

/** Labels of an environment, resource or listener, with the counts of its exchanges. */
export interface ExchangeRow {
  readonly labels: Labels;
  readonly counts: ExchangeCounts;
}

/** Metrics of requests as clients see them; every name begins with `prefix`. */
export function exchangeFamilies(prefix: string, rows: readonly ExchangeRow[]): Family[] {
  const total = (name: string, help: string, read: (counts: ExchangeCounts) => number): Family => ({
    name: `${prefix}_${name}`,
    help,
    type: 'counter',
    series: perRow(rows, ({ labels, counts }) => ({ labels, value: read(counts) })),
  });
  return [
    {
      name: `${prefix}_requests_total`,
      help: 'Finished requests by class of the status that the client got; none: no response was sent.',
      type: 'counter',
      series: seriesOf(rows, ({ labels, counts: { statuses } }) => [
        ...byStatusClass(labels, statuses),
        { labels: { ...labels, code: 'none' }, value: statuses[0] ?? 0 },
      ]),
    },
    total(
      'requests_aborted_total',
      'Requests broken off before their end. Those that got a status are counted in its class too.',
      (counts) => counts.aborted,
    ),
    {
      name: `${prefix}_request_duration_seconds`,
      help: 'Time from the head of a request to the end of its response; for an upgrade, to the 101 response.',
      type: 'histogram',
      series: perRow(rows, ({ labels, counts: { durations } }) => ({ labels, latencies: durations })),
    },
    total('request_body_bytes_total', 'Bytes of request bodies, without framing.', (counts) => counts.requestOctets),
    total('response_body_bytes_total', 'Bytes of response bodies from upstreams, without framing.', (counts) => counts.responseOctets),
    localResponses(prefix, rows),
  ];
}

/** Metric of responses that Sluice generated instead of an upstream. */
export function localResponses(prefix: string, rows: readonly ExchangeRow[]): Family {
  return {
    name: `${prefix}_local_responses_total`,
    help: 'Responses that Sluice generated itself, by the code in their body.',
    type: 'counter',
    series: seriesOf(rows, ({ labels, counts: { own } }) => byName(labels, 'reason', own)),
  };
}
