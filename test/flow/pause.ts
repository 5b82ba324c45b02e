import { once } from 'node:events';

/** Lets milliseconds pass: the pace of a load, or the length of an outage. Never a guess at when something will have happened. */
export async function pause(ms: number): Promise<void> {
  await once(AbortSignal.timeout(ms), 'abort');
}
