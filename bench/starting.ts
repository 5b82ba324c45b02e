import type { Contender, Running, StartOptions } from './contender.ts';
import type { LoadOptions } from './load.ts';
import { measureOnce } from './timing.ts';
import type { Workload } from './workloads.ts';

/** CPU microseconds of a request: in the first load after a start, and right after it in an instance that has had many. */
export interface StartCost {
  readonly cold: number;
  readonly warm: number;
}

/** Measures the first requests of an instance that was just started, beside an instance of the same contender that is warm. */
export async function measureStart(
  contender: Contender,
  place: StartOptions,
  warm: Running,
  workload: Workload,
  load: LoadOptions,
): Promise<StartCost> {
  const started = await contender.start(place);
  try {
    const cold = await measureOnce(started, workload, load);
    return { cold: cold.microseconds, warm: (await measureOnce(warm, workload, load)).microseconds };
  } finally {
    await started.stop();
  }
}
