import { ApiError, describeApiError } from './api.ts';
import { notify } from './notices.ts';
import { refreshAll } from './refresh.ts';

/** Runs an action of the user, then shows `done`, or else the reason why it was refused. Resolves with true if it succeeded. */
export async function attempt(action: () => Promise<unknown>, done?: string): Promise<boolean> {
  try {
    await action();
    if (done !== undefined) notify(done, false);
    return true;
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    // The session has ended: this reading is refused as well, and shows the sign-in.
    if (error.status === 401) void refreshAll();
    notify(describeApiError(error).join(' · '), true, error.isStale ? { label: 'Look again', run: () => void refreshAll() } : undefined);
    return false;
  }
}
