import * as z from 'zod';
import type { HeaderFields } from '../http1/message/message-view.ts';
import type { PolicyContext, PolicyType } from './contract.ts';
import { editJson, type JsonEdits, pointerOf } from './json-edits.ts';
import { readJson, writeJson } from './json-text.ts';

const pointer = z
  .string()
  .regex(/^\//, 'must be a JSON pointer such as /user/name')
  .regex(/^([^~]|~[01])*$/, 'has a "~" that is neither "~0" (for "~") nor "~1" (for "/")');

const mebi = 1024 * 1024;

const settings = z.strictObject({
  json: z
    .strictObject({
      remove: z.array(pointer).default([]).meta({ description: 'JSON pointers of values to remove' }),
      rename: z
        .record(pointer, pointer)
        .default({})
        .meta({ description: 'JSON pointers of values to move, each with the pointer of its new place' }),
      set: z.record(pointer, z.unknown()).default({}).meta({
        description:
          'JSON pointers of values to set, each with the value. Objects on the way are made if they are missing; `-` appends to a list',
      }),
    })
    .refine(
      ({ remove, rename, set }) => remove.length + Object.keys(rename).length + Object.keys(set).length > 0,
      'needs at least one of remove, rename, set',
    )
    .meta({ description: 'changes of JSON bodies: first `remove`, then `rename`, then `set`' }),
  maxBytes: z
    .int()
    .min(1)
    .max(64 * mebi)
    .default(mebi)
    .meta({ title: 'bytes', description: 'a JSON body that is larger is refused: 413 for a request, 502 for a response' }),
});

/**
 * Changes JSON bodies: of the request at `proxyRequest` and `targetRequest`, of the response at `targetResponse` and `proxyResponse`. Other bodies, coded
 * ones and those that are no valid JSON stay as they are. What is not changed keeps its spelling, numbers of any length included.
 */
export const transform: PolicyType<typeof settings> = {
  settings,
  points: ['proxyRequest', 'targetRequest', 'targetResponse', 'proxyResponse'],
  *create({ json, maxBytes }) {
    const edits: JsonEdits = {
      remove: json.remove.map(pointerOf),
      rename: Object.entries(json.rename).map(([from, to]) => [pointerOf(from), pointerOf(to)]),
      set: Object.entries(json.set).map(([at, value]) => [pointerOf(at), JSON.stringify(value)]),
    };
    yield;
    return {
      run(context) {
        const { request, response } = context;
        if (response === undefined) return isJson(request.headers) ? changeRequest(context, edits, maxBytes) : undefined;
        if (!isJson(response.headers) || response.status === 206) return undefined;
        const replaced = context.replaceResponse(maxBytes, (body) => changed(body, edits) ?? body);
        const tag = response.headers.get('etag');
        if (replaced && tag?.startsWith('"')) response.headers.set('ETag', `W/${tag}`);
        return undefined;
      },
    };
  },
};

function changeRequest(context: PolicyContext, edits: JsonEdits, maxBytes: number): undefined | Promise<undefined> {
  const replace = (body: Buffer | undefined): undefined => {
    const next = body === undefined ? undefined : changed(body, edits);
    if (next !== undefined) context.replaceBody(next);
  };
  const body = context.collectBody(maxBytes);
  return body instanceof Promise ? body.then(replace) : replace(body);
}

/** The changed body; undefined: it stays as it is. */
function changed(body: Buffer, edits: JsonEdits): Buffer | undefined {
  const root = readJson(body.toString('utf8'));
  return root !== undefined && editJson(root, edits) ? Buffer.from(writeJson(root)) : undefined;
}

/** The body is JSON in UTF-8, without a coding. */
function isJson(headers: HeaderFields): boolean {
  const [type = '', ...parameters] = (headers.get('content-type') ?? '')
    .toLowerCase()
    .split(';')
    .map((part) => part.trim());
  const charset = parameters.find((parameter) => parameter.startsWith('charset='))?.replace(/^charset="?|"$/g, '');
  const coding = headers.get('content-encoding')?.trim().toLowerCase() ?? 'identity';
  return (type === 'application/json' || /^[^/]+\/[^/]+\+json$/.test(type)) && (charset ?? 'utf-8') === 'utf-8' && coding === 'identity';
}
