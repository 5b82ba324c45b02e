import { pause } from './pause.ts';
import { within } from './within.ts';

/**
 * Asks again and again until an answer `holds`, and resolves with that answer; for state that no event announces. Rejects with what `ask` or
 * `holds` throws, or as {@link within} does, with the last answer.
 *
 * @param options.what completes "waited 60 s for …"; default: the source of `ask` and `holds`
 * @param options.everyMs pause between two questions; default 20, which costs little beside what is waited for
 */
export async function eventually<Answer>(
  ask: () => Answer | Promise<Answer>,
  holds: (answer: Answer) => boolean,
  { what = `${ask} to satisfy ${holds}`, limitMs, everyMs = 20 }: { what?: string; limitMs?: number; everyMs?: number } = {},
): Promise<Answer> {
  let last: unknown = 'no answer yet';
  let over = false;
  const asking = async () => {
    for (;;) {
      const answer = await ask();
      last = answer;
      if (over || holds(answer)) return answer;
      await pause(everyMs);
    }
  };
  try {
    return await within(asking(), { what, seen: () => last, limitMs });
  } finally {
    over = true;
  }
}
