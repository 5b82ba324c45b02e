import * as z from 'zod';
import type { PolicyType } from './contract.ts';
import { faultOfRest, hasDotSegment, misleading, PathTemplate, parametersIn } from './path-template.ts';
import { refuse } from './refusal.ts';

/** Scheme and host of a URL. No parameter stands there: a client could choose the host that it is sent to. */
const authority = /^https?:\/\/[A-Za-z0-9.-]+(:\d{1,5})?(?=[/?#]|\{\*\}|$)|^https?:\/\/\[[0-9A-Fa-f:.]+\](:\d{1,5})?(?=[/?#]|\{\*\}|$)/;

const settings = z.strictObject({
  to: z
    .string()
    .check(({ value, issues }) => {
      const fault = faultOf(value);
      if (fault !== undefined) issues.push({ code: 'custom', input: value, message: fault });
    })
    .meta({
      description:
        'where to go: a URL, or a path of this host. `{name}` is a parameter of the resource, `{*}` at the end what follows the path of a resource with `childPaths`',
    }),
  status: z
    .literal([301, 302, 303, 307, 308], 'must be 301, 302, 303, 307 or 308')
    .default(302)
    .meta({ description: '301 and 308: for good, so that clients remember it; 307 and 308: with the same method and body' }),
  keepQuery: z.boolean().default(false).meta({ description: "true: the request's query is appended" }),
});

function faultOf(to: string): string | undefined {
  const start = authority.exec(to)?.[0] ?? '';
  const path = to.slice(start.length);
  if (start === '' && !/^\/(?![/\\{])|^\/\{[^*]/.test(to)) return 'must be a URL, such as https://example.com/x, or a path of this host';
  if (/[^!-~]|["<>\\^`|]|%(?![0-9A-Fa-f]{2})/.test(to)) return 'must be as it stands in requests: special characters percent-encoded';
  if (hasDotSegment(path)) return 'must not contain /./ or /../';
  if (start !== '' && path === '{*}') return undefined;
  return faultOfRest(path);
}

/** Answers with a redirect. */
export const redirect: PolicyType<typeof settings> = {
  settings,
  dry: true,
  points: ['proxyRequest'],
  parameters: ({ to }) => parametersIn(to),
  *create({ to, status, keepQuery }) {
    const template = new PathTemplate(to);
    yield;
    return {
      run(context) {
        const filled = template.path(context);
        if (filled === undefined) return refuse(context, misleading);
        const location = keepQuery ? withQuery(filled, context.request.target) : filled;
        return { status, headers: { location }, body: '' };
      },
    };
  },
};

/** The query stands before the fragment, after what the location has of its own. */
function withQuery(location: string, target: string): string {
  const at = target.indexOf('?');
  if (at === -1 || at === target.length - 1) return location;
  const [base = '', ...fragment] = location.split('#');
  const query = `${base.includes('?') ? '&' : '?'}${target.slice(at + 1)}`;
  return [base + query, ...fragment].join('#');
}
