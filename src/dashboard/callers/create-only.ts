import { ApiError } from '../state/api.ts';

/** Runs the request that creates an object under the condition that there is none with its name; says so if there is. */
export async function createOnly(noun: string, name: string, create: () => Promise<unknown>): Promise<void> {
  await create().catch((error) => {
    if (!(error instanceof ApiError) || !error.isStale) throw error;
    throw new Error(`There is a ${noun} "${name}" already: choose another name.`);
  });
}
