import * as z from 'zod';
import type { PolicyType } from './contract.ts';
import { faultOfPath, misleading, PathTemplate, parametersIn } from './path-template.ts';
import { QueryEdit } from './query-edit.ts';
import { refuse } from './refusal.ts';

const wellFormed = z.string().regex(/^\P{Surrogate}*$/u, 'must be text, without half characters');
const text = z.union([wellFormed, z.number()], 'must be text').transform(String);

const settings = z
  .strictObject({
    path: z
      .string()
      .check(({ value, issues }) => {
        const fault = faultOfPath(value);
        if (fault !== undefined) issues.push({ code: 'custom', input: value, message: fault });
      })
      .optional()
      .meta({
        description:
          "path that follows that of the target's URL, instead of the request's. `{name}` is a parameter of the resource, `{*}` at the end what follows the path of a resource with `childPaths`",
      }),
    query: z
      .strictObject({
        set: z.record(wellFormed.min(1), text).default({}).meta({
          description: 'parameters and their values, which replace all parameters of the same names; a value may have `{name}` in it',
        }),
        remove: z.array(wellFormed.min(1)).default([]).meta({ description: 'names of parameters to remove' }),
      })
      .refine(({ set, remove }) => remove.length + Object.keys(set).length > 0, 'needs at least one of set, remove')
      .optional()
      .meta({ description: 'changes of the query' }),
    host: z
      .string()
      .regex(/^([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(:\d{1,5})?$/, 'must be a host, or HOST:PORT')
      .optional()
      .meta({ description: "value of Host that the target gets. Not given: the host of the target's URL" }),
  })
  .refine(({ path, query, host }) => (path ?? query ?? host) !== undefined, 'needs at least one of path, query, host');

/** Sends the target another path, query or Host than the request has. Policies that run after it still see the request as it was. */
export const rewrite: PolicyType<typeof settings> = {
  settings,
  dry: true,
  points: ['proxyRequest', 'targetRequest'],
  parameters: ({ path = '', query }) => [path, ...Object.values(query?.set ?? {})].flatMap(parametersIn),
  *create({ path, query, host }) {
    const template = path === undefined ? undefined : new PathTemplate(path);
    const set = Object.entries(query?.set ?? {}).map(([name, value]) => ({
      name: encodeURIComponent(name),
      value: new PathTemplate(value),
    }));
    const edit = query && new QueryEdit([...query.remove, ...Object.keys(query.set)]);
    yield;
    return {
      run(context) {
        const { tail } = context;
        const from = tail.indexOf('?');
        const before = from === -1 ? '' : tail.slice(from);
        const pathAfter = template === undefined ? tail.slice(0, from === -1 ? undefined : from) : template.path(context);
        if (pathAfter === undefined) return refuse(context, misleading);
        const added = set.map(({ name, value }) => `${name}=${value.queryValue(context)}`);
        const queryAfter = edit === undefined ? before : edit.apply(before, added);
        return context.sendTo({ tail: pathAfter + queryAfter, host }) ? undefined : refuse(context, misleading);
      },
    };
  },
};
