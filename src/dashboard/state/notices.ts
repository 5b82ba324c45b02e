import { signal } from '@preact/signals';

/** Display time of a notice, in milliseconds; a refusal takes longer to read. */
const shownMs = { good: 5000, bad: 12_000 };

interface Notice {
  readonly key: number;
  readonly text: string;
  readonly bad: boolean;
  readonly action?: NoticeAction | undefined;
}

/** A button in a notice. */
interface NoticeAction {
  readonly label: string;
  readonly run: () => void;
}

/** The notices on display, oldest first. */
export const notices = signal<readonly Notice[]>([]);
let lastKey = 0;

/** Shows a text for a few seconds, next to at most two earlier ones; `bad` marks a refusal. */
export function notify(text: string, bad: boolean, action?: NoticeAction): void {
  const key = ++lastKey;
  notices.value = [...notices.value.slice(-2), { key, text, bad, action }];
  setTimeout(() => dismiss(key), bad ? shownMs.bad : shownMs.good);
}

export function dismiss(key: number): void {
  notices.value = notices.value.filter((notice) => notice.key !== key);
}
