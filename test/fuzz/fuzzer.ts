import fc from '../tools/fast-check.ts';

/** One surface under random attack. */
export interface Fuzzer {
  readonly name: string;
  /** Starts what is attacked. */
  open(): Promise<Attack>;
}

export interface Attack {
  /** Holds for every generated input; throws what was found. */
  readonly property: fc.IAsyncPropertyWithHooks<unknown[]>;
  /** Inputs so far that got past the first check: without any, the attack would prove nothing. */
  readonly reached: () => number;
  /** Inputs that are tried with one seed; default 50. */
  readonly batch?: number;
  close(): Promise<void>;
}

/** A seed with which something was found once. It is tried again in each run. */
export interface Seed {
  readonly fuzzer: string;
  readonly seed: number;
  readonly path: string;
}

export interface Finding extends Seed {
  readonly report: string;
}

/** Tries a property with `count` inputs from `seed`. With a `path`, which a finding names, begins at the input that failed. */
export async function attack(fuzzer: string, { property }: Attack, count: number, seed: number, path = ''): Promise<Finding | undefined> {
  const details = await fc.check(property, { seed, path, numRuns: path === '' ? count : 1, endOnFailure: false });
  if (!details.failed) return undefined;
  const { errorInstance: error } = details;
  const report = `${error instanceof Error ? error.stack : String(error)}\n${fc.defaultReportMessage(details)}`;
  return { fuzzer, seed: details.seed, path: details.counterexamplePath ?? '', report };
}
