import * as z from 'zod';
import { duration } from '../model/quantity.ts';
import { Circuit, type Pass } from './circuit.ts';
import type { PolicyType } from './contract.ts';
import { refuse } from './refusal.ts';
import { HeldState } from './shared-states.ts';

const positive = duration.refine((ms) => ms > 0, 'must be longer than 0');

const settings = z.strictObject({
  failures: z.int().min(1).max(1_000_000).default(5).meta({ description: 'failures within `window` that open the circuit' }),
  window: positive.prefault('10s').meta({ description: 'time for which outcomes count' }),
  rate: z.int().min(1).max(100).default(50).meta({ description: 'percent of the requests in `window` that must have failed as well' }),
  open: positive.prefault('30s').meta({ description: 'time for which requests are refused; then one of them tries the target' }),
});

/**
 * Refuses requests with 503 while their target fails: a 5xx status, no response, or one that came too late. What fails for want of sockets or memory of
 * this server, and what another policy answers, does not count.
 */
export const circuitBreaker: PolicyType<typeof settings> = {
  settings,
  points: ['proxyRequest'],
  stateful: true,
  *create(limits, { project, place, services: { clock, shared, logger } }) {
    yield;
    const held = new HeldState(shared, `circuit ${project} ${place}`, () => new Circuit());
    const settle = (circuit: Circuit, pass: Pass, failed: boolean) => {
      if (!circuit.judge(pass, failed, clock.now(), limits)) return;
      if (circuit.isOpen) logger.warn({ project, place, openMs: limits.open }, 'circuit opened: the target fails');
      else logger.info({ project, place }, 'circuit closed: the target answers again');
    };
    return {
      run(context) {
        const circuit = held.value;
        const pass = circuit.admit(clock.now());
        if (typeof pass === 'number') return refuse(context, refusal(pass));
        let settled = false;
        context.onResponse(({ status }) => {
          settled = true;
          settle(circuit, pass, status >= 500);
        });
        context.onEnd(({ status, blame }) => {
          if (settled) return;
          if (status >= 500 && blame === 'target') settle(circuit, pass, true);
          else circuit.forget(pass);
        });
        return undefined;
      },
      begin: () => held.begin(),
      end: () => held.end(),
    };
  },
};

function refusal(waitMs: number) {
  return {
    status: 503,
    code: 'circuit-open',
    title: 'The target of this request fails at the moment',
    headers: { 'retry-after': String(Math.max(1, Math.ceil(waitMs / 1000))) },
  };
}
