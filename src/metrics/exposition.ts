import { type Latencies, latencyBounds } from '../model/latency.ts';
import type { Family, Labels } from './family.ts';

/** The media type of {@link exposition}. */
export const expositionType = 'text/plain; version=0.0.4; charset=utf-8';

/**
 * Writes families in Prometheus' text format ("Exposition formats", version 0.0.4), each name once. Written by hand, because prom-client
 * would keep its own copy of every count and takes ten times as long: with a thousand servers, every scrape would delay traffic.
 */
export function exposition(families: readonly Family[]): string {
  const lines: string[] = [];
  for (const family of families) {
    const { name, help, type } = family;
    lines.push(`# HELP ${name} ${help.replace(/\\/g, '\\\\').replace(/\n/g, '\\n')}`, `# TYPE ${name} ${type}`);
    if (family.type === 'histogram') {
      for (const { labels, latencies } of family.series) writeHistogram(lines, name, textOf(labels), latencies);
    } else {
      for (const { labels, value } of family.series) lines.push(`${name}${inBraces(textOf(labels))} ${value}`);
    }
  }
  return `${lines.join('\n')}\n`;
}

/** Upper bounds of the exposed buckets, in seconds: every second bound of the histogram, so that each is twice the one before. */
const buckets = latencyBounds.flatMap((bound, index) => (index % 2 === 0 ? [{ index, le: `le="${bound / 1000}"} ` }] : []));

/** Writes one histogram; Prometheus' buckets are cumulative. */
function writeHistogram(lines: string[], name: string, labels: string, { counts, sumMs }: Latencies): void {
  const begin = `${name}_bucket{${labels}${labels === '' ? '' : ','}`;
  let below = 0;
  let at = 0;
  for (const { index, le } of buckets) {
    while (at <= index) below += counts[at++] ?? 0;
    lines.push(begin + le + below);
  }
  while (at < counts.length) below += counts[at++] ?? 0;
  const whole = inBraces(labels);
  lines.push(`${begin}le="+Inf"} ${below}`, `${name}_sum${whole} ${sumMs / 1000}`, `${name}_count${whole} ${below}`);
}

function textOf(labels: Labels): string {
  let text = '';
  for (const name in labels) text += `${text === '' ? '' : ','}${name}="${escaped(labels[name] as string)}"`;
  return text;
}

function inBraces(labels: string): string {
  return labels === '' ? '' : `{${labels}}`;
}

function escaped(value: string): string {
  return /[\\"\n]/.test(value) ? value.replace(/\\/g, '\\\\').replace(/"/g, '\\"').replace(/\n/g, '\\n') : value;
}
