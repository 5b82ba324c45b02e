import { answerBucket } from './bucket-shares.ts';
import type { LimitState } from './limit-parts.ts';
import type { LimitAsk, LimitGrant } from './limit-store.ts';
import { answerQuota } from './quota-shares.ts';
import { answerSlots } from './slot-shares.ts';

/** Answers one ask at the store's time `now`, in microseconds since 1970. @param known undefined: the key has not been used for long */
export function answerAsk(
  known: LimitState | undefined,
  { gateway, ask, now }: { gateway: string; ask: LimitAsk; now: number },
): { state: LimitState; grant: LimitGrant } {
  const { rule } = ask;
  switch (rule.kind) {
    case 'bucket':
      return answerBucket(known, { gateway, rule, ask, now });
    case 'quota':
      return answerQuota(known, { rule, ask, now });
    case 'slots':
      return answerSlots(known, { gateway, rule, ask, now });
  }
}
