import http from 'node:http';
import https from 'node:https';
import type { Contender, Running } from './contender.ts';
import { type LoadOptions, runLoad } from './load.ts';
import { cpuSeconds } from './usage.ts';
import type { Workload } from './workloads.ts';

/** One measurement. */
export interface Sample {
  /** CPU time for each request, user and system. */
  readonly microseconds: number;
  readonly requestsPerSecond: number;
  /** 99th percentile of the latency, in milliseconds. */
  readonly p99: number;
}

/** Samples of a contender under one workload, one for each round, or the reason why there are none. */
export type Series = readonly Sample[] | { readonly failed: string };

/** Series by contender, then by workload. */
export type Timings = ReadonlyMap<string, ReadonlyMap<string, Series>>;

/** A running contender: one instance with none of them, one with access log, one with TLS. */
export interface Entrant {
  readonly contender: Contender;
  readonly quiet: Running;
  readonly logging: Running | undefined;
  readonly secured: Running | undefined;
}

/** Returns the instance that a workload is for; undefined: the contender has none. */
export function instanceFor(workload: Workload, { quiet, logging, secured }: Entrant): Running | undefined {
  if (workload.connections !== 'plain') return secured;
  return workload.accessLog ? logging : quiet;
}

export interface TimingOptions extends LoadOptions {
  /** Workloads that are measured. */
  readonly workloads: readonly Workload[];
  readonly progress: (text: string) => void;
}

/** Series that are being measured, by contender, then by workload. */
export type Measuring = ReadonlyMap<string, Map<string, Series>>;

/** Measures the contenders in turn, so that a disturbance of the machine affects all of them. @param counts false: the round only warms up */
export async function measureRound(
  entrants: readonly Entrant[],
  timings: Measuring,
  round: string,
  counts: boolean,
  options: TimingOptions,
): Promise<void> {
  for (const workload of options.workloads) {
    for (const entrant of entrants) {
      const { name } = entrant.contender;
      const running = instanceFor(workload, entrant);
      const series = timings.get(name);
      const before = series?.get(workload.name) ?? [];
      if (running === undefined || 'failed' in before) continue;
      const said = `${round}, ${workload.connections === 'plain' ? '' : 'TLS: '}${workload.title}, ${name}`;
      try {
        const sample = await measureOnce(running, workload, options);
        if (counts) series?.set(workload.name, [...before, sample]);
        options.progress(`${said}: ${sample.microseconds.toFixed(1)} µs, ${Math.round(sample.requestsPerSecond)}/s`);
      } catch (error) {
        const failed = (error as Error).message;
        series?.set(workload.name, { failed });
        options.progress(`${said}: ${failed}`);
      }
    }
  }
}

/** Measures one instance under one workload. */
export async function measureOnce(running: Running, workload: Workload, options: LoadOptions): Promise<Sample> {
  await answersWholly(running.port, workload);
  const before = cpuSeconds(running.processes);
  const { requests, seconds, p99 } = await runLoad(running.port, workload, options);
  const used = cpuSeconds(running.processes) - before;
  return { microseconds: (used / requests) * 1e6, requestsPerSecond: requests / seconds, p99 };
}

/** Checks the length of an answer first: wrk checks statuses, but not bodies. */
function answersWholly(port: number, { path, answerBytes, connections }: Workload): Promise<void> {
  const { get } = connections === 'plain' ? http : https;
  return new Promise((resolve, reject) => {
    const asked = get({ host: '127.0.0.1', port, path, agent: false, timeout: 5000, rejectUnauthorized: false }, (response) => {
      let octets = 0;
      response.on('error', reject).on('data', (piece: Buffer) => {
        octets += piece.length;
      });
      response.on('end', () => {
        if (response.statusCode === 200 && octets === answerBytes) resolve();
        else reject(new Error(`${path} is answered with ${response.statusCode} and ${octets} octets`));
      });
    });
    asked.on('error', reject).on('timeout', () => asked.destroy(new Error(`${path} is not answered within 5 s`)));
  });
}
