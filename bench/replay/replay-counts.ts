import { readPath } from '../../src/routing/path.ts';
import type { LoggedRequest } from './access-log.ts';
import type { Answer } from './client.ts';

/** Number of lost requests that are kept for the report. */
const mostShown = 10;

/** Counts the requests of a replay and their answers. */
export class ReplayCounts {
  /** Requests that were begun. */
  sent = 0;
  /** Requests without a complete answer, or with the wrong one. */
  lost = 0;
  /** One line for each of the first of them. */
  readonly losses: string[] = [];
  readonly byServer = new Map<string, number>();
  readonly byStatus = new Map<number, number>();
  /** Milliseconds from the first byte sent to the last one received. */
  readonly latencies: number[] = [];

  answered(request: LoggedRequest, answer: Answer, latencyMs: number): void {
    count(this.byServer, answer.fields.get('x-served-by') ?? 'balancer');
    count(this.byStatus, answer.status);
    this.latencies.push(latencyMs);
    const fault = faultOf(request, answer);
    if (fault !== undefined) this.#lose(request, fault);
  }

  failed(request: LoggedRequest, error: Error): void {
    this.#lose(request, error.message);
  }

  /** The latency, in milliseconds, that a `share` (0 to 1) of the answers did not exceed. */
  percentile(share: number): number {
    const sorted = this.latencies.toSorted((one, other) => one - other);
    return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? Number.NaN;
  }

  #lose({ method, target }: LoggedRequest, fault: string): void {
    this.lost++;
    if (this.losses.length < mostShown) this.losses.push(`${method} ${target}: ${fault}`);
  }
}

/** Describes the fault of an answer to a request; undefined if it is the right one. */
export function faultOf({ method, target }: LoggedRequest, answer: Answer): string | undefined {
  const wanted = `${method} ${forwarded(target)}`;
  if (answer.status !== 200) return `status ${answer.status} ${answer.body.slice(0, 200)}`;
  if (answer.fields.get('x-asked') !== wanted) return `the target got ${answer.fields.get('x-asked')}`;
  if (answer.body !== (method === 'HEAD' ? '' : wanted)) return `the body is ${answer.body.slice(0, 200)}`;
  return undefined;
}

/** The target that a gateway forwards: it sends paths in the form that every server reads alike (`//a` as `/a`). */
function forwarded(target: string): string {
  const [path = ''] = target.split('?');
  return `${readPath(path)?.path}${target.slice(path.length)}`;
}

function count<Key>(counts: Map<Key, number>, key: Key): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}
