import * as z from 'zod';
import type { PolicyType } from './contract.ts';

/** Copies of one policy that may be under way at a time. */
const most = 100;

const given = z.strictObject({
  target: z.string().min(1).meta({ description: 'name of the target of this project that gets the copies' }),
  percent: z.number().min(0).max(100).default(100).meta({ description: 'share of the requests that are copied, in percent' }),
  methods: z
    .array(z.enum(['GET', 'HEAD', 'OPTIONS', 'POST', 'PUT', 'PATCH', 'DELETE']))
    .min(1, 'needs at least one method')
    .default(['GET', 'HEAD'])
    .meta({
      description:
        'methods of requests that are copied. Those other than GET, HEAD and OPTIONS, which the other target must bear twice, need `maxBody`',
    }),
  maxBody: z.int().min(1).max(1_048_576).optional().meta({
    description: 'octets of a body up to which it is copied; a request with a larger one is not. Not given: no bodies are copied',
  }),
});

const withoutBody: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS']);

const settings = given.check((context) => {
  const { methods, maxBody } = context.value;
  for (const [index, method] of methods.entries())
    if (maxBody === undefined && !withoutBody.has(method))
      context.issues.push({
        code: 'custom',
        input: method,
        path: ['methods', index],
        message: 'has a body: give maxBody, up to which it is copied',
      });
});

/**
 * Sends a copy of requests to another target of the project, and discards what that answers. A copy never delays or fails its request: its body is kept
 * while it passes, and the copy begins after its end. At most 100 copies
 * are under way at a time, each for a minute at most; requests beyond that are not copied.
 */
export const mirror: PolicyType<typeof settings> = {
  settings,
  points: ['proxyRequest'],
  targets: ({ target }) => [[['target'], target]],
  stateful: true,
  *create({ target, percent, methods, maxBody }, { services }) {
    const copied: ReadonlySet<string> = new Set(methods);
    let active = 0;
    yield;
    return {
      run(context) {
        if (active >= most || !copied.has(context.request.method) || services.random() * 100 >= percent) return undefined;
        const count = (copy: typeof context) => {
          active++;
          copy.onEnd(() => void active--);
        };
        context.again(count, target, withoutBody.has(context.request.method) ? undefined : maxBody);
        return undefined;
      },
    };
  },
};
