import { aims } from './bar.ts';
import { type Figure, figureOf, yardstick } from './figures.ts';
import { projectCounts } from './finding.ts';
import { connections } from './load.ts';
import { serverCounts } from './picking.ts';
import type { Results } from './results.ts';
import { workloads } from './workloads.ts';

/** The whole page, as Markdown. `remains` is what people say of it: what is not met and why. */
export function report(results: Results, remains: string): string {
  const { date, machine, rounds, seconds, field, finding, picking, idle } = results;
  const versions = [...field].map(([name, found]) => [
    'version' in found ? `${name} ${found.version}` : `${name}: not measured, ${found.missing}`,
  ]);
  return `# What it costs to carry one request

Written by \`npm run bench\`; do not edit. ${date.toISOString().slice(0, 16).replace('T', ' ')} UTC.

${list(machine)}
${list(versions.flat())}

## How it was measured

Each contender first had to pass a check of what it does: bodies both ways, statuses, HEAD and 304, header fields, X-Forwarded-For, kept
connections, all upstreams used. The contender alone runs on processor 0; wrk (${connections} connections, one thread) and one nginx worker with three
addresses as upstreams run on processor 1. One thread or worker each, connections kept on both sides, least connections, X-Forwarded-For;
HAProxy, nginx and Caddy with a request id as well, HAProxy and Caddy with active and passive health, nginx with passive health only.
Sluice runs from its built bundle with its defaults: strict validation, active and passive health, metrics, X-Forwarded-*, Via, request id, timeouts, retries.

The figure is CPU time, user and system, of all processes of a contender (/proc/PID/stat) divided by the requests answered, as the median of
${rounds} rounds (after one to warm up) of ${seconds} s in which the contenders took turns; in brackets the median of the ratios to HAProxy in the same round.
A run with a single failed request counts as failed.

## The bar

${table(
  ['', 'measured', 'bar', ''],
  aims(results).map(({ title, value, limit, unit }) => [
    title,
    value === undefined ? 'not measured' : `${value.toFixed(2)} ${unit}`,
    `≤ ${limit}`,
    verdict(value, limit),
  ]),
)}

## CPU microseconds a request

${timingTable(results, ({ microseconds, ratio }) => `${microseconds.toFixed(1)}${ratio === undefined ? '' : ` (${ratio.toFixed(2)} ×)`}`)}

## Requests a second, and milliseconds within which 99 % were answered

For information: where a contender does not use up its processor, wrk and the upstreams on the other one are the limit.

${timingTable(results, ({ requestsPerSecond, p99 }) => `${Math.round(requestsPerSecond)} · ${p99.toFixed(1)} ms`)}

## Memory of idle clients

Each has made one request and keeps its connection.

${table(
  ['', 'clients', 'resident before', 'resident after', 'for each client'],
  [...idle].map(([name, cost]) =>
    'failed' in cost
      ? [name, cost.failed]
      : [
          name,
          String(cost.clients),
          mebibytes(cost.residentBefore),
          mebibytes(cost.residentAfter),
          `${((cost.residentAfter - cost.residentBefore) / cost.clients / 1024).toFixed(2)} KiB`,
        ],
  ),
)}

## Picking a server, and finding a project

Nanoseconds in one process. Picking includes beginning the exchange on the server picked and ending another.

${table(
  ['picking by', ...serverCounts.map((count) => `${count} servers`)],
  [...picking].map(([name, costs]) => [name, ...costs.map(whole)]),
)}

${table(
  ['finding', ...projectCounts.map((count) => `${count} projects`)],
  [...finding].map(([name, costs]) => [name, ...costs.map(whole)]),
)}

## What remains, and why

${remains.trim()}
`;
}

function timingTable({ timings }: Results, cell: (figure: Figure) => string): string {
  const failures: string[] = [];
  const rows = [...timings.keys()].map((name) => [
    name === yardstick ? `**${name}**` : name,
    ...workloads.map((workload) => {
      const figure = figureOf(timings, name, workload.name);
      if (figure === undefined) return '–';
      if (!('failed' in figure)) return cell(figure);
      failures.push(`${name}, ${workload.title}: ${figure.failed}`);
      return 'failed';
    }),
  ]);
  const notes = failures.length > 0 ? `\n\n${list(failures)}` : '';
  return table(['', ...workloads.map(({ title }) => title)], rows) + notes;
}

function verdict(value: number | undefined, limit: number): string {
  if (value === undefined) return '';
  return value <= limit ? 'met' : '**not met**';
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  if (rows.length === 0) return 'Not measured.';
  const lines = [head, head.map((_, column) => (column === 0 ? '---' : '---:')), ...rows];
  return lines.map((cells) => `| ${head.map((_, column) => cells[column] ?? '').join(' | ')} |`).join('\n');
}

function list(lines: readonly string[]): string {
  return lines.map((line) => `- ${line}`).join('\n');
}

function mebibytes(octets: number): string {
  return `${(octets / 2 ** 20).toFixed(1)} MiB`;
}

function whole(number: number): string {
  return String(Math.round(number));
}
