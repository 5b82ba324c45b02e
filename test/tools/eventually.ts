import { pause } from './pause.ts';
import { within } from './within.ts';

/**
 * Asks again and again until an answer `holds`, and resolves with that answer; for state that no event announces. Rejects with what `ask` or
 * `holds` throws, or as {@link within} does, with the last answer.
 *
 * @param options.what completes "waited 60 s for …"; default: the source of `ask` and `holds`
 * @param options.everyMs pause between two questions; default: a tenth of the time waited so far, from 2 to 50 ms, so that short waits end at
 *   once and long ones leave the processor to those that are waited for
 */
export async function eventually<Answer>(
  ask: () => Answer | Promise<Answer>,
  holds: (answer: Answer) => boolean,
  { what = `${ask} to satisfy ${holds}`, limitMs, everyMs }: { what?: string; limitMs?: number; everyMs?: number } = {},
): Promise<Answer> {
  const begun = performance.now();
  let last: unknown = 'no answer yet';
  let over = false;
  const asking = async () => {
    for (;;) {
      const answer = await ask();
      last = answer;
      if (over || holds(answer)) return answer;
      await pause(everyMs ?? Math.min(50, Math.max(2, (performance.now() - begun) / 10)));
    }
  };
  try {
    return await within(asking(), { what, seen: () => last, limitMs });
  } finally {
    over = true;
  }
}
