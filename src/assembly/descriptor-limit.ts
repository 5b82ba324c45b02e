import { readFileSync } from 'node:fs';
import type { Logger } from 'pino';
import { processDescriptors } from '../model/descriptors.ts';
import { keepSpareDescriptor } from './spare-descriptor.ts';

/** Milliseconds between two log lines. */
const quietMs = 60_000;

/** Limits the connections of this process to what its limit of open files leaves room for. Logs, at most once a minute, that this is too little. */
export function applyDescriptorLimit(logger: Logger): void {
  keepSpareDescriptor();
  const limit = descriptorLimit();
  processDescriptors.divide(limit);
  let loggedAt = Number.NEGATIVE_INFINITY;
  processDescriptors.limitReached = () => {
    const now = performance.now();
    if (now - loggedAt < quietMs) return;
    loggedAt = now;
    const { open, most } = processDescriptors;
    logger.warn(
      { open, limit: most, openFiles: limit },
      'a limit of connections is reached: idle ones are closed to make room, and new ones are refused while none is idle; raise the limit of open files (ulimit -n, LimitNOFILE) or limits.connections, or add machines',
    );
  };
}

/** Descriptors that this process can have; Infinity: unlimited, or unknown. Node.js has raised its soft limit to the hard one. */
function descriptorLimit(): number {
  const text = process.platform === 'linux' ? readLimits() : undefined;
  const soft = text === undefined ? reportedLimit() : /^Max open files\s+(\d+)/m.exec(text)?.[1];
  return soft === undefined ? Number.POSITIVE_INFINITY : Number(soft);
}

function readLimits(): string | undefined {
  try {
    return readFileSync('/proc/self/limits', 'utf8');
  } catch {
    return undefined;
  }
}

/** The limit as Node.js reports it, for systems without /proc. */
function reportedLimit(): string | undefined {
  const { userLimits } = process.report.getReport() as { userLimits?: { open_files?: { soft: number | string } } };
  const soft = userLimits?.open_files?.soft;
  return soft === undefined || soft === 'unlimited' ? undefined : String(soft);
}
