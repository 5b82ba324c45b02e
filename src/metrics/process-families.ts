import { readdirSync } from 'node:fs';
import type { Family } from './family.ts';

/**
 * Metrics of the program and its process, under the names that prom-client and other clients use. Read at each scrape: prom-client's own set
 * would keep a 10 ms timer and a garbage-collection observer running, while event loop utilization costs nothing until it is read.
 */
export function processFamilies(version: string): Family[] {
  const { rss, heapTotal, heapUsed, external } = process.memoryUsage();
  const { user, system } = process.cpuUsage();
  const { active, idle } = performance.eventLoopUtilization();
  const value = (type: 'counter' | 'gauge', name: string, help: string, value: number): Family => ({
    name,
    help,
    type,
    series: [{ labels: {}, value }],
  });
  const descriptors = openDescriptors();
  return [
    {
      name: 'sluice_build_info',
      help: 'Version of the program and of Node.js; always 1.',
      type: 'gauge',
      series: [{ labels: { version, node: process.version }, value: 1 }],
    },
    value('counter', 'process_cpu_user_seconds_total', 'Total user CPU time spent in seconds.', user / 1e6),
    value('counter', 'process_cpu_system_seconds_total', 'Total system CPU time spent in seconds.', system / 1e6),
    value('counter', 'process_cpu_seconds_total', 'Total user and system CPU time spent in seconds.', (user + system) / 1e6),
    value('gauge', 'process_start_time_seconds', 'Start time of the process since unix epoch in seconds.', performance.timeOrigin / 1000),
    value('gauge', 'process_resident_memory_bytes', 'Resident memory size in bytes.', rss),
    ...(descriptors === undefined ? [] : [value('gauge', 'process_open_fds', 'Number of open file descriptors.', descriptors)]),
    value('gauge', 'nodejs_heap_size_total_bytes', 'Process heap size from Node.js in bytes.', heapTotal),
    value('gauge', 'nodejs_heap_size_used_bytes', 'Process heap size used from Node.js in bytes.', heapUsed),
    value('gauge', 'nodejs_external_memory_bytes', 'Node.js external memory size in bytes.', external),
    value('counter', 'nodejs_eventloop_active_seconds_total', 'Time that the event loop was busy, in seconds.', active / 1000),
    value('counter', 'nodejs_eventloop_idle_seconds_total', 'Time that the event loop was idle, in seconds.', idle / 1000),
  ];
}

/** Number of open file descriptors; undefined on systems without /proc. */
function openDescriptors(): number | undefined {
  try {
    return readdirSync('/proc/self/fd').length;
  } catch {
    return undefined;
  }
}
