import type { HeldLimit } from '../limits/held-limit.ts';
import { micro } from '../limits/limit-store.ts';
import type { Decision, Policy, PolicyContext, PolicyScope } from './contract.ts';
import { type GateSettings, LimitGate } from './limit-gate.ts';
import { readerOf } from './limit-settings.ts';
import { UsageReader } from './usage-reader.ts';

/** The units that a request takes in advance, and where its response says what it has used. */
export interface Cost {
  readonly estimate: number;
  readonly usage: string;
}

/** A policy that limits what requests use: each takes an estimate, which its response settles. */
export function costPolicy(
  { project, place, services }: PolicyScope,
  by: string,
  settings: Omit<GateSettings, 'place' | 'by'>,
  { estimate, usage }: Cost,
): Policy {
  const gate = new LimitGate(services, { ...settings, by, place: `project ${project} ${place}` });
  const read = readerOf(by);
  const amount = estimate * micro;
  const path = usage.split('.');
  const settled = (context: PolicyContext, decision: Decision): Decision => {
    if (decision !== undefined || context.taken === undefined) return decision;
    // A compressed response could not be read.
    context.request.headers.remove('accept-encoding');
    settle(context, context.taken.limit, amount, path);
    return undefined;
  };
  return {
    run(context) {
      const decision = gate.decide(context, read(context), amount);
      return decision instanceof Promise ? decision.then((late) => settled(context, late)) : settled(context, decision);
    },
    begin: () => gate.begin(),
    end: () => gate.end(),
  };
}

/**
 * Settles what a request took in advance. A response with an error, or none, has used nothing; one that does not tell, or breaks off before it does, has
 * used the estimate.
 */
function settle(context: PolicyContext, limit: HeldLimit, amount: number, path: readonly string[]): void {
  let open = true;
  const use = (used: number) => {
    if (!open) return;
    open = false;
    if (used < amount) limit.putBack(amount - used);
    else if (used > amount) limit.charge(used - amount);
  };
  context.onResponse(({ status, headers }) => {
    if (status >= 400) {
      use(0);
      return;
    }
    const events = /^text\/event-stream\b/i.test(headers.get('content-type') ?? '');
    context.observeResponse(new UsageReader(path, events, (used) => use(used === undefined ? amount : Math.ceil(used * micro))));
  });
  context.onEnd(({ server }) => {
    // After the refusal of another limit, everything is back already.
    if (context.taken === undefined) open = false;
    use(server === undefined ? 0 : amount);
  });
}
