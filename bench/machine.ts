import { cpus, loadavg, release, totalmem, type } from 'node:os';

/** Describes the machine of a measurement, one line per fact. */
export function describeMachine(): string[] {
  const processors = cpus();
  return [
    `${processors.length} processors, ${processors[0]?.model ?? 'unknown'}, ${Math.round(totalmem() / 2 ** 30)} GiB of memory`,
    `${type()} ${release()}, Node.js ${process.version}`,
    `load average at the start: ${loadavg()
      .map((load) => load.toFixed(2))
      .join(', ')}`,
  ];
}
