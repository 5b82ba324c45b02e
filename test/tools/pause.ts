import { once } from 'node:events';

/** Resolves after `ms` milliseconds: the pace of a load, or the length of an outage. Never a guess at when something will have happened: see `eventually`. */
export async function pause(ms: number): Promise<void> {
  await once(AbortSignal.timeout(Math.ceil(ms)), 'abort');
}
