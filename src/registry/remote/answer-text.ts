import type { JoinAnswer } from '../../model/join.ts';
import type { RevisionContent } from '../../model/manifest.ts';
import type { EndpointFrame } from './frames.ts';

/** JSON of objects that many servers get: contents of revisions, and what an environment runs. Each text is kept as long as its object is. */
const texts = new WeakMap<object, string>();

/** The text of a frame that answers a call. What many servers get alike is put into JSON once for all of them. */
export function answerText(method: string, { call, result }: { readonly call: number; readonly result: unknown }): string {
  if (method === 'revisions') return `{"call":${call},"result":[${(result as readonly RevisionContent[]).map(textOf).join()}]}`;
  if (method === 'join' || method === 'renew') {
    const { update, ...rest } = result as JoinAnswer;
    // The server is always there, before it.
    if (update !== undefined) return `{"call":${call},"result":${JSON.stringify(rest).slice(0, -1)},"update":${textOf(update)}}}`;
  }
  return JSON.stringify({ call, result } satisfies EndpointFrame);
}

function textOf(shared: object): string {
  const known = texts.get(shared);
  if (known !== undefined) return known;
  const text = JSON.stringify(shared);
  texts.set(shared, text);
  return text;
}
