import { signal } from '@preact/signals';
import { describeRefusal, Refusal } from '../state/api.ts';
import { readEverything } from '../state/readings.ts';

/** Milliseconds that a notice is shown; a refusal takes longer to read. */
const shownMs = { good: 5000, bad: 12_000 };

interface Notice {
  readonly key: number;
  readonly text: string;
  readonly bad: boolean;
}

const notices = signal<readonly Notice[]>([]);
let keys = 0;

/** Says something in passing; a refusal if `bad`. */
export function notify(text: string, bad: boolean): void {
  const key = ++keys;
  notices.value = [...notices.value.slice(-2), { key, text, bad }];
  setTimeout(() => dismiss(key), bad ? shownMs.bad : shownMs.good);
}

function dismiss(key: number): void {
  notices.value = notices.value.filter((notice) => notice.key !== key);
}

/** Does what somebody asked for; says `done` then, or why it was refused. Answers whether it worked. */
export async function attempt(action: () => Promise<unknown>, done?: string): Promise<boolean> {
  try {
    await action();
    if (done !== undefined) notify(done, false);
    return true;
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    if (error.status === 401) void readEverything();
    notify(describeRefusal(error).join(' · '), true);
    return false;
  }
}

/** Where notices appear; screen readers are told of them. */
export function Notices() {
  return (
    <div class="notices" role="status">
      {notices.value.map(({ key, text, bad }) => (
        <div key={key} class={bad ? 'notice notice-bad' : 'notice'}>
          <span>{text}</span>
          <button type="button" class="icon-button" aria-label="Dismiss" onClick={() => dismiss(key)}>
            ×
          </button>
        </div>
      ))}
    </div>
  );
}
