import type { JoinAnswer } from '../../model/join.ts';
import type { RevisionContent } from '../../model/manifest.ts';
import { sharedText } from '../shared-texts.ts';
import type { EndpointFrame } from './frames.ts';

/**
 * The text of a frame that answers a call. What many servers get alike is put into JSON once for all of them; a large object, such as the content of a
 * revision, in turns of the event loop.
 */
export async function answerText(method: string, { call, result }: { readonly call: number; readonly result: unknown }): Promise<string> {
  if (method === 'revisions')
    return `{"call":${call},"result":[${(await Promise.all((result as readonly RevisionContent[]).map(sharedText))).join()}]}`;
  if (method === 'join' || method === 'renew') {
    const { update, ...rest } = result as JoinAnswer;
    // The server is always there, before it.
    if (update !== undefined) return `{"call":${call},"result":${JSON.stringify(rest).slice(0, -1)},"update":${await sharedText(update)}}}`;
  }
  return JSON.stringify({ call, result } satisfies EndpointFrame);
}
