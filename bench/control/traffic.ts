import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { Owner } from '../../test/tools/owner.ts';
import { pause } from '../../test/tools/pause.ts';
import { goFirst } from './go-first.ts';

const program = fileURLToPath(new URL('traffic-process.ts', import.meta.url));

export type TrafficOrder = { readonly do: 'begin'; readonly paths: Readonly<Record<string, string>> } | { readonly do: 'end' };
export type TrafficMessage = { readonly port: number } | Measured;

/** Milliseconds of each answered request by path, and some of the requests without the right answer. */
export interface Measured {
  readonly times: Readonly<Record<string, readonly number[]>>;
  /** When each of these requests began, on the clock of the machine. */
  readonly began: Readonly<Record<string, readonly number[]>>;
  readonly failures: readonly string[];
  /** Requests without an answer for 10 s, which are among the times as such. */
  readonly unanswered: number;
}

/** Plain requests at a steady rate, with their target, in a process of their own: the load on the control plane does not delay them there. */
export class Traffic {
  readonly #process: ChildProcess;
  /** URL of the target. */
  readonly target: string;

  private constructor(child: ChildProcess, port: number) {
    this.#process = child;
    this.target = `http://127.0.0.1:${port}`;
  }

  /** @param first true: clients and target go before all other processes, as if they were on other machines, where this user may give them that priority */
  static async start(owner: Owner, first: boolean): Promise<Traffic> {
    const child = spawn(process.execPath, ['--import=tsx', program], { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
    if (first && child.pid !== undefined) goFirst(child.pid);
    owner.teardown(async () => {
      if (child.exitCode !== null || child.signalCode !== null) return;
      child.kill('SIGKILL');
      await once(child, 'exit');
    });
    const [{ port }] = (await once(child, 'message')) as [{ port: number }];
    return new Traffic(child, port);
  }

  /** Sends requests for `seconds`, and resolves when all are answered. */
  async measure(paths: Readonly<Record<string, string>>, seconds: number): Promise<Measured> {
    this.#tell({ do: 'begin', paths });
    await pause(seconds * 1000);
    const ended = once(this.#process, 'message');
    this.#tell({ do: 'end' });
    const [measured] = (await ended) as [Measured];
    if (measured.failures.length > 0) throw new Error(`traffic failed: ${measured.failures.join('; ')}`);
    return measured;
  }

  #tell(order: TrafficOrder): void {
    this.#process.send(order);
  }
}
