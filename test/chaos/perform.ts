import { Scope } from '../tools/owner.ts';
import { within } from '../tools/within.ts';
import type { Outcome, Scenario } from './scenario.ts';
import { Slowdown } from './slowdown.ts';
import { Stage, StageMissing } from './stage.ts';
import type { Mode } from './stage-options.ts';

/** Time limit of a scenario, in milliseconds. */
const limitMs = 300_000;

/**
 * Performs one scenario on its own stage and tears the stage down. With `brief`, outages are shorter and repetitions fewer.
 * @param mode of the stage, unless the scenario is about another one
 */
export async function perform(scenario: Scenario, { brief = false, mode }: { brief?: boolean; mode?: Mode } = {}): Promise<Outcome> {
  const scope = new Scope();
  try {
    const stage = await Stage.set(scope, { mode, ...scenario.stage }, brief);
    const seen = () => stage.loads.map(({ counts }) => ({ ...counts, wrong: counts.wrong.slice(-5) }));
    const faults: string[] = [];
    const slowdown = new Slowdown();
    const measured = await within(scenario.run(stage), { what: `the scenario "${scenario.name}"`, seen, limitMs }).catch((error: Error) => {
      faults.push(error.message);
      return {};
    });
    const { factor } = slowdown;
    const { sent, right, wrong, lost, late, duplicated, longestGapMs } = await within(stage.end(), {
      what: 'the load to end',
      seen,
      limitMs,
    });
    const outcome = {
      name: scenario.name,
      sent,
      right,
      failed: wrong.length,
      lost: lost.length,
      late,
      duplicated,
      longestGapMs,
      slowdown: factor,
      ...measured,
    };
    return { ...outcome, faults: [...faults, ...judge(scenario, outcome, wrong)] };
  } catch (error) {
    const { message } = error as Error;
    const nothing = { name: scenario.name, sent: 0, right: 0, failed: 0, lost: 0, late: 0, duplicated: 0, longestGapMs: 0, slowdown: 1 };
    return error instanceof StageMissing
      ? { ...nothing, faults: [], missing: message }
      : { ...nothing, faults: [`the stage could not be set or ended: ${message}`] };
  } finally {
    await scope.end();
  }
}

function judge(scenario: Scenario, outcome: Omit<Outcome, 'faults'>, wrong: readonly string[]): string[] {
  const { bar } = scenario;
  const faults = wrong.length === 0 ? [] : [`${wrong.length} requests failed, for example ${wrong.slice(0, 3).join(' | ')}`];
  if (outcome.duplicated > 0) faults.push(`${outcome.duplicated} POSTs were carried out twice`);
  for (const key of ['detectMs', 'convergeMs'] as const) {
    const limit = bar?.[key];
    if (limit === undefined) continue;
    const measured = outcome[key];
    const allowed = limit * Math.max(1, outcome.slowdown);
    if (measured === undefined || measured > allowed)
      faults.push(
        `${key} is ${measured === undefined ? 'unknown' : Math.round(measured)}, the limit is ${limit}${slower(outcome.slowdown)}`,
      );
  }
  return faults;
}

/** Says how a limit of time grows on a machine that others use, too. */
function slower(slowdown: number): string {
  return slowdown < 1.05 ? '' : ` × ${slowdown.toFixed(1)}, since processes wait for a processor`;
}
