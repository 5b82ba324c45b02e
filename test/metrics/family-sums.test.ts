import { test } from 'tap';
import { exposition } from '../../src/metrics/exposition.ts';
import type { Family } from '../../src/metrics/family.ts';
import { FamilySums, joined, labelled, partsOf } from '../../src/metrics/family-sums.ts';
import { LatencyHistogram } from '../../src/model/latency.ts';
import { atOnce } from '../../src/model/pieces.ts';

/** Families of a process with so many requests of a project. */
function families(project: string, requests: number, up: number): Family[] {
  const latencies = new LatencyHistogram();
  for (let each = 0; each < requests; each++) latencies.observe(3);
  const about = { help: 'Help.' };
  return [
    { ...about, name: 'sluice_project_requests_total', type: 'counter', series: [{ labels: { project }, value: requests }] },
    { ...about, name: 'sluice_target_up', type: 'gauge', series: [{ labels: { project }, value: up }] },
    { ...about, name: 'sluice_limit_keys', type: 'gauge', series: [{ labels: {}, value: requests }] },
    { ...about, name: 'sluice_project_duration_seconds', type: 'histogram', series: [{ labels: { project }, latencies }] },
  ];
}

/** The sums of these families, as another process gets them. */
function sumsOf(all: readonly Family[]): FamilySums {
  const sums = new FamilySums();
  for (const part of partsOf(all)) sums.add(JSON.parse(JSON.stringify(part)));
  return sums;
}

test('families of several processes become those of one server, and of those that have ended the counts remain', async (t) => {
  const sums = sumsOf(families('a', 2, 1));
  for (const others of [families('a', 3, 0), families('b', 1, 1)]) atOnce(sums.addAll(sumsOf(others)));
  atOnce(sums.addAll(sumsOf(families('a', 4, 0)), { ended: true }));
  const text = exposition(labelled(sums.families(), { server: 's' }));
  const lines = text.split('\n').filter((line) => !line.startsWith('#') && !line.includes('_bucket{'));
  t.strictSame(lines, [
    'sluice_project_requests_total{server="s",project="a"} 9',
    'sluice_project_requests_total{server="s",project="b"} 1',
    'sluice_target_up{server="s",project="a"} 0',
    'sluice_target_up{server="s",project="b"} 1',
    'sluice_limit_keys{server="s"} 6',
    'sluice_project_duration_seconds_sum{server="s",project="a"} 0.027',
    'sluice_project_duration_seconds_count{server="s",project="a"} 9',
    'sluice_project_duration_seconds_sum{server="s",project="b"} 0.003',
    'sluice_project_duration_seconds_count{server="s",project="b"} 1',
    '',
  ]);
  t.match(text, /_bucket\{server="s",project="a",le="0\.004"\} 9/);
});

test('families of several servers have each name once, and a large one is sent in parts', async (t) => {
  const series = Array.from({ length: 250 }, (_, index) => ({ labels: { project: `p${index}` }, value: index }));
  const family: Family = { name: 'sluice_project_requests_total', help: 'Help.', type: 'counter', series };
  t.strictSame(
    [...partsOf([family])].map((part) => [...part.series].length),
    [100, 100, 50],
  );
  const text = exposition(joined([...labelled([family], { server: 'one' }), ...labelled([family], { server: 'two' })]));
  t.equal(text.match(/# TYPE/g)?.length, 1);
  t.equal(text.match(/server="two"/g)?.length, 250);
});
