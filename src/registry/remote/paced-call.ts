import type { JoinAnswer, Renewal } from '../../model/join.ts';
import { sameSnapshot } from '../../model/snapshot-id.ts';
import type { MethodName } from './methods.ts';
import type { ReaderSlots } from './reader-slots.ts';

/** Revisions or parts of callers that a peer may ask for, and deployments that it may be told of, without a slot. After a deploy a gateway needs few of them. */
const fewRevisions = 8;
const fewDeployments = 256;

/**
 * Makes a gateway's call. One that reads much waits for a slot, and is put off if it gets none in time: a question for contents is answered with
 * none of them, a join or renewal extends the lease and is answered with `later` instead of the manifest.
 */
export async function pacedCall(
  slots: ReaderSlots,
  peer: object,
  { name, params, call }: { name: MethodName; params: unknown; call: () => Promise<unknown> },
): Promise<unknown> {
  if (name === 'revisions' || name === 'callerParts') {
    const { wanted } = params as { wanted: readonly unknown[] };
    return wanted.length > fewRevisions && !(await slots.take(peer)) ? [] : call();
  }
  if (name !== 'join' && name !== 'renew') return call();
  if (name === 'renew' && acknowledges(params as Renewal)) slots.end(peer);
  const { update, ...rest } = (await call()) as JoinAnswer;
  if (update === undefined) return rest;
  const few = update.put.length + update.removed.length <= fewDeployments;
  return few || (await slots.take(peer)) ? { ...rest, update } : { ...rest, later: true };
}

/** True if the server runs what it has: it needs nothing more. */
function acknowledges({ running, holds }: Renewal): boolean {
  return running !== undefined && sameSnapshot(running, holds);
}
