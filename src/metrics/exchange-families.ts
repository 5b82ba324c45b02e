import type { ExchangeCounts } from '../model/counts.ts';
import { byName, byStatusClass, type Family, type Labels } from './family.ts';

/** What clients were answered, of whom. */
export interface ExchangeRow {
  readonly labels: Labels;
  readonly counts: ExchangeCounts;
}

/** Requests as clients saw them; every name begins with `prefix`. */
export function exchangeFamilies(prefix: string, rows: readonly ExchangeRow[]): Family[] {
  const total = (name: string, help: string, read: (counts: ExchangeCounts) => number): Family => ({
    name: `${prefix}_${name}`,
    help,
    type: 'counter',
    series: rows.map(({ labels, counts }) => ({ labels, value: read(counts) })),
  });
  return [
    {
      name: `${prefix}_requests_total`,
      help: 'Requests that ended, by class of the status that the client got; none: it got no answer.',
      type: 'counter',
      series: rows.flatMap(({ labels, counts: { statuses } }) => [
        ...byStatusClass(labels, statuses),
        { labels: { ...labels, code: 'none' }, value: statuses[0] ?? 0 },
      ]),
    },
    total(
      'requests_aborted_total',
      'Requests that broke off before their end; those of them that got a status are in its class too.',
      (counts) => counts.aborted,
    ),
    {
      name: `${prefix}_request_duration_seconds`,
      help: 'From the head of a request to the end of its response; of an upgrade, to the switch.',
      type: 'histogram',
      series: rows.map(({ labels, counts: { durations } }) => ({ labels, latencies: durations })),
    },
    total('request_body_bytes_total', 'Bodies of requests, without their framing.', (counts) => counts.requestOctets),
    total(
      'response_body_bytes_total',
      'Bodies of responses that came from upstream, without their framing.',
      (counts) => counts.responseOctets,
    ),
    localResponses(prefix, rows),
  ];
}

/** Responses that nobody but Sluice made. */
export function localResponses(prefix: string, rows: readonly ExchangeRow[]): Family {
  return {
    name: `${prefix}_local_responses_total`,
    help: 'Responses that Sluice made itself, by the code in their body.',
    type: 'counter',
    series: rows.flatMap(({ labels, counts: { own } }) => byName(labels, 'reason', own)),
  };
}
