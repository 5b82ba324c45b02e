import * as z from 'zod';
import type { PolicyType } from './contract.ts';
import { refuse } from './refusal.ts';

const settings = z.strictObject({
  bytes: z.int().min(0).meta({ title: 'bytes', description: 'maximum bytes of a request body; 0: requests have none' }),
});

/**
 * Refuses requests whose body is larger than `bytes` with 413: one with a Content-Length at once, any other as soon as it exceeds, while it streams
 * to the target. Nothing is buffered.
 */
export const bodyLimit: PolicyType<typeof settings> = {
  settings,
  dry: true,
  points: ['proxyRequest'],
  *create({ bytes }) {
    const tooLarge = { status: 413, code: 'body-too-large', title: `The request body is larger than the ${bytes} bytes that are allowed` };
    return {
      run(context) {
        const announced = Number(context.request.headers.get('content-length') ?? 0);
        if (announced > bytes) return refuse(context, tooLarge);
        context.limitBody(bytes);
        return undefined;
      },
    };
  },
};
