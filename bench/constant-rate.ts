import { fileURLToPath } from 'node:url';
import type { DueFigures } from './due-requests.ts';
import { endLimitMs, type LoadOptions } from './load.ts';
import { Launched } from './processes.ts';
import { inRealTime, realTimeWords } from './real-time.ts';

const program = fileURLToPath(new URL('programs/constant-rate.ts', import.meta.url));

/** Latencies under a load of a constant rate, in milliseconds, counted from the time at which each request was due. */
export interface Latency extends Omit<DueFigures, 'requests'> {
  readonly rate: number;
  /** True if contender, upstreams and load had a real-time priority. */
  readonly realTime: boolean;
}

/**
 * Sends requests at a constant rate, answered or not. Rejects if any request fails.
 * @param carriers the processes that a request passes through. They and the load do not wait for what else the machine does, if the system allows it: latencies
 * of a tenth of a millisecond are measured here, and the kernel lets a process wait for milliseconds while another one is at work.
 */
export function measureLatency(
  port: number,
  rate: number,
  { folder, cpu, seconds }: LoadOptions,
  carriers: readonly Pick<Launched, 'pids'>[] = [],
): Promise<Latency> {
  // A thread that helps to collect garbage would have no such priority, and the load would wait for it.
  const words = [process.execPath, '--single-threaded-gc', `--import=${import.meta.resolve('tsx')}`, program];
  return inRealTime(carriers, async (realTime) => {
    const [command = '', ...rest] = [...(realTime ? realTimeWords : []), ...words, String(port), String(rate), String(seconds)];
    const output = await new Launched(command, rest, { folder, cpu }).ended(seconds * 1000 + endLimitMs);
    try {
      const { requests: _, ...figures } = JSON.parse(output) as DueFigures;
      return { rate, realTime, ...figures };
    } catch {
      throw new Error(`the load of ${Math.round(rate)} requests a second failed: ${output.trim().slice(-300)}`);
    }
  });
}
