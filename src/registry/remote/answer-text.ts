import type { JoinAnswer } from '../../model/join.ts';
import { isLarge, jsonText } from '../../model/json-pieces.ts';
import type { RevisionContent } from '../../model/manifest.ts';
import { inTurns } from '../../model/pieces.ts';
import type { EndpointFrame } from './frames.ts';

/** JSON of objects that many servers get: contents of revisions, and what an environment runs. Each text is kept as long as its object is. */
const texts = new WeakMap<object, Promise<string>>();

/**
 * The text of a frame that answers a call. What many servers get alike is put into JSON once for all of them; a large object, such as the content of a
 * revision, in turns of the event loop.
 */
export async function answerText(method: string, { call, result }: { readonly call: number; readonly result: unknown }): Promise<string> {
  if (method === 'revisions')
    return `{"call":${call},"result":[${(await Promise.all((result as readonly RevisionContent[]).map(textOf))).join()}]}`;
  if (method === 'join' || method === 'renew') {
    const { update, ...rest } = result as JoinAnswer;
    // The server is always there, before it.
    if (update !== undefined) return `{"call":${call},"result":${JSON.stringify(rest).slice(0, -1)},"update":${await textOf(update)}}}`;
  }
  return JSON.stringify({ call, result } satisfies EndpointFrame);
}

function textOf(shared: object): Promise<string> {
  const known = texts.get(shared);
  if (known !== undefined) return known;
  const text = isLarge(shared) ? inTurns(jsonText(shared)) : Promise.resolve(JSON.stringify(shared));
  texts.set(shared, text);
  return text;
}
