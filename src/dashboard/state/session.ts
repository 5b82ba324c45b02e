import type { SessionAnswer } from '../../api/answers.ts';
import { call } from './api.ts';
import { forgetCallers } from './callers.ts';
import { unfollow } from './follow.ts';
import { refreshAll } from './refresh.ts';
import { forgetSessionKey, keepSessionKey } from './session-key.ts';
import { forget, signedIn, signInReason } from './state.ts';

/** Signs in with the admin token. Rejects with an `ApiError` if the token is wrong. */
export async function signIn(token: string): Promise<void> {
  const { key } = await call<SessionAnswer>('POST', '/v1/session', { headers: { authorization: `Bearer ${token}` } });
  keepSessionKey(key);
  signInReason.value = '';
  await refreshAll();
}

export async function signOut(): Promise<void> {
  await call('DELETE', '/v1/session').catch(() => undefined);
  signInReason.value = '';
  signedIn.value = false;
}

/** Disconnects from the live feed and clears the state, after the session has ended. */
export function leave(): void {
  unfollow();
  forget();
  forgetCallers();
  forgetSessionKey();
}
