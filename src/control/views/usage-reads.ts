import type { UsageAnswer } from '../../api/usage-answers.ts';
import type { Clock, Timer } from '../../model/clock.ts';
import { usagePath } from '../../model/reserved-path.ts';
import { UsageTotals } from './usage-view.ts';

/** Milliseconds for which the answers of servers are shared by all who ask. */
const sharedMs = 2000;
/** Milliseconds that an answer waits which does not depend on what servers have counted. */
const soonMs = 500;

/** Asks the ready gateway servers of an environment for what is at a reserved path. */
export interface ServerReader {
  /** @param take gets the answer of each server; if it throws, the server counts as silent */
  read(
    environment: string,
    path: string,
    take: (id: string, answer: string) => Promise<void>,
  ): Promise<{ readonly asked: number; readonly silent: readonly string[]; readonly unsupported: readonly string[] }>;
}

/** Counts of an environment, and the servers that are in them. */
type Read = Awaited<ReturnType<ServerReader['read']>> & { readonly totals: UsageTotals };

/** Reads of servers, each shared by all who ask for the same within two seconds. */
export class UsageReads {
  readonly #reports: ServerReader;
  readonly #clock: Pick<Clock, 'now' | 'after'>;
  readonly #reads = new Map<string, { readonly begunAt: number; readonly read: Promise<Read> }>();

  constructor(reports: ServerReader, clock: Pick<Clock, 'now' | 'after'>) {
    this.#reports = reports;
    this.#clock = clock;
  }

  of(environment: string, project: string | undefined): Promise<Read> {
    const begunAt = this.#clock.now();
    for (const [key, read] of this.#reads) if (read.begunAt + sharedMs <= begunAt) this.#reads.delete(key);
    const path = project === undefined ? usagePath : `${usagePath}?project=${encodeURIComponent(project)}`;
    const key = `${environment} ${path}`;
    const known = this.#reads.get(key);
    if (known !== undefined) return known.read;
    const read = this.#read(environment, path);
    this.#reads.set(key, { begunAt, read });
    return read;
  }

  /** URLs of targets to which servers send no requests; none if the servers do not answer soon. */
  async down(environment: string): Promise<UsageAnswer['down']> {
    const read = this.of(environment, undefined).then(
      ({ totals }) => totals.down,
      () => [],
    );
    let timer: Timer | undefined;
    const late = new Promise<UsageAnswer['down']>((resolve) => {
      timer = this.#clock.after(soonMs, () => resolve([]));
    });
    return Promise.race([read, late]).finally(() => timer?.cancel());
  }

  async #read(environment: string, path: string): Promise<Read> {
    const totals = new UsageTotals();
    const outcome = await this.#reports.read(environment, path, (_id, answer) => totals.add(answer));
    return { ...outcome, totals };
  }
}
