import { call } from './api.ts';
import { unfollow } from './follow.ts';
import { readEverything } from './readings.ts';
import { forget, signedIn, signInReason } from './state.ts';

/** Signs in with the admin token. Rejects with a `Refusal` if it is not the right one. */
export async function signIn(token: string): Promise<void> {
  await call('POST', '/v1/session', { headers: { authorization: `Bearer ${token}` } });
  signInReason.value = '';
  await readEverything();
}

export async function signOut(): Promise<void> {
  await call('DELETE', '/v1/session').catch(() => undefined);
  signInReason.value = '';
  signedIn.value = false;
}

/** Stops following; nothing of what was seen is kept. */
export function leave(): void {
  unfollow();
  forget();
}
