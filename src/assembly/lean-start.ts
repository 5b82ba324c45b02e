import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { markAlone } from './short-pauses.ts';

/** Milliseconds of CPU time after which V8 optimises code even if the start still goes on: what is loaded meanwhile may be much. */
const mostMs = 1500;
/** Milliseconds between two looks at that time. */
const everyMs = 250;

/** Length of a function's bytecode up to which V8 optimises it: none, and V8's default. Code that is compiled while the optimiser itself is off would never be optimised. */
const [nothing, usual] = ['--max-optimized-bytecode-size=0', '--max-optimized-bytecode-size=61440'];

/** Undefined: no start is in progress. */
let limit: NodeJS.Timeout | undefined;

/**
 * Has V8 optimise no code for now. Little of what runs at a start runs again, and to optimise it takes memory that V8's threads do not give back, and pages
 * of V8's compiler.
 */
export function startBegins(): void {
  setFlagsFromString(nothing);
  limit = setInterval(() => {
    const { user, system } = process.cpuUsage();
    if (user + system > mostMs * 1000) optimise();
  }, everyMs).unref();
}

/**
 * Has V8 optimise code from now on, and gives the memory of the start back: moves together what is alive, and drops the compiled form of functions, which are
 * compiled again once they are called. V8 by itself does that only after collecting garbage several times, which an idle process does not do.
 *
 * @param options.marksAlone see {@link markAlone}; default false
 */
export function startEnds({ marksAlone = false } = {}): void {
  optimise();
  setFlagsFromString('--expose-gc');
  setFlagsFromString('--compact-on-every-full-gc');
  setFlagsFromString('--stress-flush-code');
  const collectGarbage = runInNewContext('gc') as () => void;
  collectGarbage();
  if (marksAlone) markAlone();
  for (const flag of ['stress-flush-code', 'compact-on-every-full-gc', 'expose-gc']) setFlagsFromString(`--no-${flag}`);
}

function optimise(): void {
  clearInterval(limit);
  setFlagsFromString(usual);
}
