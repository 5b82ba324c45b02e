import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Launched } from './processes.ts';
import type { Workload } from './workloads.ts';

/** Number of clients of a whole run, each on one kept-alive connection. */
export const connections = 64;

/** Opens a connection for each request. wrk cannot resume TLS sessions. */
const connector = fileURLToPath(new URL('programs/tls-connections.mjs', import.meta.url));

/** Time in which a load must end after a measurement, in milliseconds. */
export const endLimitMs = 20_000;

/** Result of a load. */
export interface Load {
  readonly requests: number;
  readonly seconds: number;
  /** 99th percentile of the latency, in milliseconds. */
  readonly p99: number;
}

export interface LoadOptions {
  /** Holds wrk's script and output. */
  readonly folder: string;
  readonly cpu: number;
  readonly seconds: number;
  /** Default: {@link connections}. With fewer, even a busy machine completes all handshakes within a second. */
  readonly clients?: number;
  /** Paths that are asked for in turn instead of the workload's; wrk then makes each request anew. */
  readonly paths?: readonly string[] | undefined;
}

/** Runs the load. Rejects if any request fails, because a figure with failures means nothing. */
export async function runLoad(
  port: number,
  workload: Workload,
  { folder, cpu, seconds, clients = workload.clients ?? connections, paths }: LoadOptions,
): Promise<Load> {
  const kind = /^tls-(new|resumed)$/.exec(workload.connections)?.[1];
  if (kind !== undefined) {
    const connecting = new Launched(process.execPath, [connector, String(port), String(seconds), kind], { folder, cpu });
    return readLoad(await connecting.ended(seconds * 1000 + endLimitMs));
  }
  const script = join(folder, `${workload.name}.lua`);
  writeFileSync(script, scriptOf(workload) + (paths === undefined ? '' : inTurn(paths)));
  const url = `${workload.connections === 'plain' ? 'http' : 'https'}://127.0.0.1:${port}${workload.path}`;
  const words = ['-t1', `-c${clients}`, `-d${seconds}s`, '--timeout', '5s', '-s', script, url];
  const wrk = new Launched('wrk', words, { folder, cpu });
  return readLoad(await wrk.ended(seconds * 1000 + endLimitMs));
}

/** Reads the last line of the load's output. Throws if requests failed. */
export function readLoad(output: string): Load {
  const line = output.trim().split('\n').at(-1) ?? '';
  const numbers =
    /^bench (\d+) requests in (\d+) us, p99 (\d+) us, failed (\d+) connect (\d+) read (\d+) write (\d+) timeout (\d+) status$/.exec(line);
  if (numbers === null) throw new Error(`the load did not finish: ${output.trim().slice(-300)}`);
  const [requests = 0, duration = 0, p99 = 0, ...failed] = numbers.slice(1).map(Number);
  if (requests === 0) throw new Error('no request was answered');
  if (failed.some((count) => count > 0)) throw new Error(`requests failed: ${line.replace(/^.*failed /, '')}`);
  return { requests, seconds: duration / 1e6, p99: p99 / 1000 };
}

/** The part of the script that asks for several paths. */
function inTurn(paths: readonly string[]): string {
  return `local paths = {${paths.map((path) => JSON.stringify(path)).join(',')}}
local turn = 0
request = function()
  turn = turn % #paths + 1
  return wrk.format(nil, paths[turn])
end
`;
}

/** Makes a Lua script without functions that run for each request, so that wrk prepares the request only once. */
function scriptOf({ method, headers, bodyBytes }: Workload): string {
  const fields = Object.entries(headers).map(([name, value]) => `wrk.headers["${name}"] = ${JSON.stringify(value)}`);
  return `wrk.method = "${method}"
${fields.join('\n')}
${bodyBytes > 0 ? `wrk.body = string.rep("sluice-bench-16b", ${bodyBytes / 16})` : ''}
done = function(summary, latency, requests)
  local e = summary.errors
  io.write(string.format("bench %d requests in %d us, p99 %d us, failed %d connect %d read %d write %d timeout %d status\\n",
    summary.requests, summary.duration, latency:percentile(99), e.connect, e.read, e.write, e.timeout, e.status))
end
`;
}
