import type { Owner } from '../flow/processes.ts';
import type { Outcome, Scenario } from './scenario.ts';
import { clients, Stage } from './stage.ts';

/** A scenario that has not ended by then hangs. */
const longestMs = 120_000;

/** Runs one scenario on a stage of its own, and takes the stage down again. In `brief`, outages are shorter. */
export async function perform(scenario: Scenario, { brief = false } = {}): Promise<Outcome> {
  const endings: (() => unknown)[] = [];
  const owner: Owner = { teardown: (end) => void endings.unshift(end) } as Owner;
  try {
    const stage = await Stage.set(owner, scenario.stage, brief);
    const faults: string[] = [];
    const found = await inTime(scenario.run(stage)).catch((error: Error) => {
      faults.push(error.message);
      return {};
    });
    const { sent, right, wrong, late, duplicated, longestGapMs } = await inTime(stage.end());
    const outcome = { name: scenario.name, sent, right, failed: wrong.length, late, duplicated, longestGapMs, ...found };
    return { ...outcome, faults: [...faults, ...judge(scenario, outcome, wrong)] };
  } finally {
    for (const end of endings) await end();
  }
}

function judge(scenario: Scenario, outcome: Omit<Outcome, 'faults'>, wrong: readonly string[]): string[] {
  const { bar } = scenario;
  const forbidden = failuresBeyond(scenario.mayFail, wrong);
  const faults = forbidden.length === 0 ? [] : [`${forbidden.length} failed, for example ${forbidden.slice(0, 3).join(' | ')}`];
  if (outcome.duplicated > 0) faults.push(`${outcome.duplicated} POSTs were carried out twice`);
  for (const key of ['detectMs', 'convergeMs'] as const) {
    const limit = bar?.[key];
    if (limit === undefined) continue;
    const found = outcome[key];
    if (found === undefined || found > limit)
      faults.push(`${key} is ${found === undefined ? 'unknown' : Math.round(found)}, the bar is ${limit}`);
  }
  return faults;
}

function failuresBeyond(allowed: Scenario['mayFail'], wrong: readonly string[]): readonly string[] {
  if (allowed === undefined) return wrong;
  const { inFlight, times = 1 } = allowed;
  const excusable = (line: string) => inFlight === 'any' || line.startsWith('POST');
  return [...wrong.filter((line) => !excusable(line)), ...wrong.filter(excusable).slice(clients * times)];
}

function inTime<Value>(work: Promise<Value>): Promise<Value> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`not over after ${longestMs} ms`)), longestMs);
  });
  return Promise.race([work, late]).finally(() => clearTimeout(timer));
}
