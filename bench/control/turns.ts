import { request } from 'node:http';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { ownFolder } from '../../test/tools/own-folder.ts';
import type { Owner } from '../../test/tools/owner.ts';
import type { Wait } from './waits.ts';

const probe = fileURLToPath(new URL('../programs/turn-probe.mjs', import.meta.url));

/** Milliseconds of a turn of the event loop beyond which it counts as long. */
export const longTurnMs = 5;

/** The turns of a process's event loop in some time, without the time in which another process had the processor. */
export interface TurnsTaken {
  readonly longestMs: number;
  /** Number of turns of more than {@link longTurnMs}. */
  readonly long: number;
  /** Times in which the process waited for a processor, the earliest first. */
  readonly waits: readonly Wait[];
}

/** Reads from a process how long the turns of its event loop take. */
export class TurnMeter {
  readonly #socket: string;
  /** Environment variables with which the process must be started. */
  readonly variables: Readonly<Record<string, string>>;

  constructor(owner: Owner) {
    this.#socket = join(ownFolder(owner), 'turns');
    this.variables = { NODE_OPTIONS: `--import=${probe}`, SLUICE_BENCH_TURNS: this.#socket };
  }

  /** Resolves to the turns since the last call. */
  async take(): Promise<TurnsTaken> {
    const answer = await new Promise<string>((resolve, reject) => {
      const asked = request({ socketPath: this.#socket }, (response) => text(response).then(resolve, reject));
      asked.once('error', reject).end();
    });
    const read = JSON.parse(answer) as (readonly [at: number, active: number, delayed: number])[];
    const turns = read.map(([, active, delayed]) => active - delayed);
    const waits = read.flatMap(([at, , delayed], index) => {
      const before = read[index - 1]?.[0];
      return before !== undefined && delayed > 0 ? [{ from: before, to: at, ms: delayed }] : [];
    });
    return { longestMs: turns.reduce((most, ms) => Math.max(most, ms), 0), long: turns.filter((ms) => ms > longTurnMs).length, waits };
  }
}
