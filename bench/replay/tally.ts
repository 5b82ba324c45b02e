import { normalisePath } from '../../src/routing/path.ts';
import type { LoggedRequest } from './access-log.ts';
import type { Answer } from './client.ts';

/** How many wrong answers are kept to be shown. */
const mostShown = 10;

/** What became of the requests. */
export class Tally {
  /** Requests begun. */
  sent = 0;
  /** Without a whole answer, or with one that is not the answer to what was asked. */
  lost = 0;
  /** The first of them, a line each. */
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

  /** Latency that `share` (0 to 1) of the answers did not exceed, in milliseconds. */
  percentile(share: number): number {
    const sorted = this.latencies.toSorted((one, other) => one - other);
    return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? Number.NaN;
  }

  #lose({ method, target }: LoggedRequest, fault: string): void {
    this.lost++;
    if (this.losses.length < mostShown) this.losses.push(`${method} ${target}: ${fault}`);
  }
}

/** Why an answer is not the one to this request; undefined if it is. */
export function faultOf({ method, target }: LoggedRequest, answer: Answer): string | undefined {
  const wanted = `${method} ${forwarded(target)}`;
  if (answer.status !== 200) return `status ${answer.status} ${answer.body.slice(0, 200)}`;
  if (answer.fields.get('x-asked') !== wanted) return `the target was asked for ${answer.fields.get('x-asked')}`;
  if (answer.body !== (method === 'HEAD' ? '' : wanted)) return `the body is ${answer.body.slice(0, 200)}`;
  return undefined;
}

/** What a target gets to see: gateways forward the one form of a path that every server reads alike (`//a` as `/a`). */
function forwarded(target: string): string {
  const [path = ''] = target.split('?');
  return `${normalisePath(path)}${target.slice(path.length)}`;
}

function count<Key>(counts: Map<Key, number>, key: Key): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}
