import { micro, quotaPeriods } from '../limits/limit-store.ts';
import { mostRequests } from '../model/bounds.ts';
import type { Product } from '../model/product.ts';
import type { Callers } from '../policies/callers.ts';
import type { Decision, PolicyContext, PolicyServices } from '../policies/contract.ts';
import { LimitGate } from '../policies/limit-gate.ts';
import { bucketRule, rate } from '../policies/limit-settings.ts';
import { type Refusal, refuse } from '../policies/refusal.ts';
import type { ConsumerCounts } from './consumer-counts.ts';

/** The gates of a product as it was last read. */
interface ProductGates {
  readonly product: Product;
  readonly gates: readonly LimitGate[];
}

/**
 * Decides which consumers may use a project, and how much: a project in a product demands a subscription, and the product's limit and quota hold for each
 * subscriber, over all projects of the product and all gateway servers.
 */
export class Admission {
  readonly consumers: ConsumerCounts;
  readonly #project: string;
  readonly #callers: Callers;
  readonly #services: Pick<PolicyServices, 'limits' | 'shared'>;
  readonly #gates = new Map<string, ProductGates>();

  constructor(project: string, services: Pick<PolicyServices, 'callers' | 'limits' | 'shared'>, consumers: ConsumerCounts) {
    this.#project = project;
    this.#callers = services.callers;
    this.#services = services;
    this.consumers = consumers;
  }

  /** False if no project is in a product: then {@link decide} need not be asked. */
  get demanding(): boolean {
    return this.#callers.demanding;
  }

  /** Decides about a request that the policies let pass, or answer in the target's stead. */
  decide(context: PolicyContext): Decision | Promise<Decision> {
    const consumer = context.caller?.consumer;
    const product = this.#callers.productFor(this.#project, consumer);
    if (product === undefined) return undefined;
    if (product === null || consumer === undefined) return refuse(context, subscriptionNeeded);
    return decided(this.#gatesOf(product), 0, context, `c ${consumer}`);
  }

  /** Called when the project begins to be served: nothing has to be begun before the first request. */
  begin(): void {}

  /** The limits are not used any more by this revision of the project. */
  end(): void {
    for (const { gates } of this.#gates.values()) for (const gate of gates) gate.end();
    this.#gates.clear();
  }

  #gatesOf(product: Product): readonly LimitGate[] {
    const known = this.#gates.get(product.name);
    if (known?.product === product) return known.gates;
    const gates = gatesFor(product, this.#services);
    // The new ones first: limits that have not changed go on where they are.
    for (const gate of gates) gate.begin();
    for (const gate of known?.gates ?? []) gate.end();
    this.#gates.set(product.name, { product, gates });
    return gates;
  }
}

/** Asks the gates one after the other; what one takes is given back if a later one refuses. */
function decided(gates: readonly LimitGate[], from: number, context: PolicyContext, value: string): Decision | Promise<Decision> {
  for (let at = from; at < gates.length; at++) {
    const decision = (gates[at] as LimitGate).decide(context, value);
    if (decision instanceof Promise) return decision.then((late) => late ?? decided(gates, at + 1, context, value));
    if (decision !== undefined) return decision;
  }
  return undefined;
}

function gatesFor({ name, limit, quota }: Product, services: Pick<PolicyServices, 'limits' | 'shared'>): LimitGate[] {
  const gates: LimitGate[] = [];
  const given = rate.safeParse(limit).data;
  if (given !== undefined)
    gates.push(
      new LimitGate(services, {
        place: `product ${name} limit`,
        name: 'product-limit',
        by: 'consumer',
        rule: bucketRule({ ...given, burst: given.limit }),
        code: 'rate-limited',
        title: 'Too many requests for the subscription: try again later',
      }),
    );
  const [amount, unit] = (quota ?? '').split('/');
  const period = quotaPeriods.find((one) => one === unit);
  if (period !== undefined)
    gates.push(
      new LimitGate(services, {
        place: `product ${name} quota`,
        name: 'product-quota',
        by: 'consumer',
        rule: { kind: 'quota', limit: Math.min(Number(amount), mostRequests) * micro, period },
        code: 'quota-exceeded',
        title: `The subscription's quota of this ${period} is used up`,
      }),
    );
  return gates;
}

const subscriptionNeeded: Refusal = {
  status: 403,
  code: 'subscription-needed',
  title: 'The request needs a consumer that has subscribed to a product with this API',
};
