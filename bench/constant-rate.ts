import { fileURLToPath } from 'node:url';
import { endLimitMs, type LoadOptions } from './load.ts';
import { Launched } from './processes.ts';

const program = fileURLToPath(new URL('programs/constant-rate.ts', import.meta.url));

/** Latencies under a load of a constant rate, in milliseconds, counted from the time at which each request was due. */
export interface Latency {
  readonly rate: number;
  readonly p50: number;
  readonly p99: number;
  /** 99th percentile of the time by which a request was sent late: it had no connection, or the load no processor. */
  readonly late: number;
}

/** Sends requests at a constant rate, answered or not. Rejects if any request fails. */
export async function measureLatency(port: number, rate: number, { folder, cpu, seconds }: LoadOptions): Promise<Latency> {
  const words = [`--import=${import.meta.resolve('tsx')}`, program, String(port), String(rate), String(seconds)];
  const output = await new Launched(process.execPath, words, { folder, cpu }).ended(seconds * 1000 + endLimitMs);
  try {
    const { p50, p99, late } = JSON.parse(output);
    return { rate, p50, p99, late };
  } catch {
    throw new Error(`the load of ${Math.round(rate)} requests a second failed: ${output.trim().slice(-300)}`);
  }
}
