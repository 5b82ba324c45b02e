import { type Latencies, latencyBounds } from '../model/latency.ts';
import type { Family, Labels } from './family.ts';

/** The media type of {@link exposition}. */
export const expositionType = 'text/plain; version=0.0.4; charset=utf-8';

/**
 * Writes families in Prometheus' text format ("Exposition formats", version 0.0.4), each name once. Written by hand, because prom-client
 * would keep its own copy of every count and takes ten times as long: with a thousand servers, every scrape would delay traffic.
 */
export function exposition(families: readonly Family[]): string {
  return [...expositionLines(families)].join('');
}

/** The lines of {@link exposition}, each with its end; an empty text now and then for rows without any. */
export function* expositionLines(families: readonly Family[]): Generator<string> {
  for (const line of linesOf(families)) yield line === undefined ? '' : `${line}\n`;
}

function* linesOf(families: readonly Family[]): Generator<string | undefined> {
  for (const family of families) {
    const { name, help, type } = family;
    yield `# HELP ${name} ${help.replace(/\\/g, '\\\\').replace(/\n/g, '\\n')}`;
    yield `# TYPE ${name} ${type}`;
    if (family.type === 'histogram') {
      for (const one of family.series) {
        if (one === undefined) yield undefined;
        else yield* histogram(name, textOf(one.labels), one.latencies);
      }
    } else {
      for (const one of family.series) yield one && `${name}${inBraces(textOf(one.labels))} ${one.value}`;
    }
  }
}

/** Upper bounds of the exposed buckets, in seconds: every second bound of the histogram, so that each is twice the one before. */
const buckets = latencyBounds.flatMap((bound, index) => (index % 2 === 0 ? [{ index, le: `le="${bound / 1000}"} ` }] : []));

/** Lines of one histogram; Prometheus' buckets are cumulative. */
function* histogram(name: string, labels: string, { counts, sumMs }: Latencies): Generator<string> {
  const begin = `${name}_bucket{${labels}${labels === '' ? '' : ','}`;
  let below = 0;
  let at = 0;
  for (const { index, le } of buckets) {
    while (at <= index) below += counts[at++] ?? 0;
    yield begin + le + below;
  }
  while (at < counts.length) below += counts[at++] ?? 0;
  const whole = inBraces(labels);
  yield `${begin}le="+Inf"} ${below}`;
  yield `${name}_sum${whole} ${sumMs / 1000}`;
  yield `${name}_count${whole} ${below}`;
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
