import type { Explanation } from '../model/explanation.ts';
import type { Pieces } from '../model/pieces.ts';
import type { Decision, NamedPolicy, Policy } from '../policies/contract.ts';
import type { PolicyMaking } from '../projects/policy-set.ts';
import type { DryEnd, DryExchange } from './dry-exchange.ts';
import type { Match } from './match.ts';
import type { PolicyChain } from './policy-chain.ts';
import type { TargetRoute } from './target-route.ts';

type Step = { -readonly [Key in keyof Explanation['policies'][number]]: Explanation['policies'][number][Key] };
type Answer = NonNullable<Step['answer']>;

/** Settings and fields whose values are left out. */
const secret = /key|secret|token|password|users|authorization|cookie|credential/i;
const hidden = '…';

/** Policies for one dry exchange: those that decide by the request alone do so, all others let it pass. Each records what it does. */
export class DryPolicies {
  readonly #exchange: DryExchange;
  readonly #steps = new Map<Policy, Step>();

  constructor(exchange: DryExchange) {
    this.#exchange = exchange;
  }

  *make({ name, point, type, written, settings, create }: PolicyMaking): Pieces<Policy> {
    const step: Step = { name, point, settings: withoutSecrets(written), decision: 'not-reached' };
    const policy = yield* this.#around(step, type.dry === undefined || !isTrue(type.dry, settings) ? undefined : create);
    this.#steps.set(policy, step);
    return policy;
  }

  /** The steps of a chain, in the order in which its policies run. */
  of(chain: PolicyChain | undefined): Step[] {
    if (chain === undefined) return [];
    return [...chain.request, ...chain.tuning, ...chain.response].flatMap((policy: NamedPolicy) => this.#steps.get(policy) ?? []);
  }

  /** @param create undefined: only a gateway server can decide */
  *#around(step: Step, create: PolicyMaking['create'] | undefined): Pieces<Policy> {
    if (step.point === 'targetResponse' || step.point === 'proxyResponse') {
      step.decision = 'response';
      return { run: () => undefined };
    }
    const policy = create && (yield* create());
    if (policy?.tuning !== undefined) {
      step.decision = 'settings';
      return { tuning: policy.tuning, run: () => undefined };
    }
    return {
      run: (context) => {
        step.decision = 'on-server';
        if (policy === undefined) return undefined;
        const before = this.#state();
        const done = (decision: Decision) => {
          step.decision = decision === undefined ? 'passes' : 'answers';
          if (decision !== undefined) step.answer = answerOf(decision.status, decision.headers, decision.body.toString());
          const changes = differences(before, this.#state());
          if (changes.length > 0) step.changes = changes;
          return decision;
        };
        const decision = policy.run(context);
        return decision instanceof Promise ? decision.then(done) : done(decision);
      },
    };
  }

  /** Lines about the request that goes to the target, and about fields of the answer. */
  #state(): string[] {
    const { request, context, moreFields } = this.#exchange;
    const { tail, host } = (context ?? {}) as Partial<Match>;
    const fields = request.headers.entries().map(([name, value]) => `${name}: ${shownField(name, value)}`);
    const answer = Object.entries(moreFields?.toRecord() ?? {}).map(([name, value]) => `answer ${name}: ${shownField(name, value)}`);
    return [...(tail === undefined ? [] : [`path ${tail}`]), ...(host === undefined ? [] : [`host ${host}`]), ...fields, ...answer];
  }
}

/** The end of an exchange, in the words of an explanation. */
export function outcomeOf(end: DryEnd, exchange: DryExchange): Explanation['outcome'] {
  if ('status' in end) return { answer: answerOf(end.status, end.headers, end.body) };
  const route = end.route as TargetRoute;
  const upstream = route.pick(exchange, []);
  const sent = upstream && route.rewrite(exchange, upstream);
  if (upstream === undefined || sent === undefined) return { answer: { status: 503, code: 'no-server' } };
  const host = upstream.host.includes(':') ? `[${upstream.host}]` : upstream.host;
  const { method, headers } = exchange.request;
  return {
    forwarded: {
      method,
      url: `${upstream.secure ? 'https' : 'http'}://${host}:${upstream.port}${sent.target}`,
      host: sent.host,
      headers: headers.entries().flatMap(([name, value]) => (name.toLowerCase() === 'host' ? [] : [[name, shownField(name, value)]])) as [
        string,
        string,
      ][],
    },
  };
}

function answerOf(status: number, headers: Readonly<Record<string, unknown>>, body: string): Answer {
  const { location } = headers;
  const about = headers['content-type'] === 'application/problem+json' ? (JSON.parse(body) as { code?: string; title?: string }) : {};
  return {
    status,
    ...(about.code !== undefined && { code: about.code }),
    ...(about.title !== undefined && { title: about.title }),
    ...(typeof location === 'string' && { location }),
  };
}

function differences(before: readonly string[], after: readonly string[]): string[] {
  const gone = before.filter((line) => !after.includes(line)).map((line) => `- ${line}`);
  return [...gone, ...after.filter((line) => !before.includes(line)).map((line) => `+ ${line}`)];
}

function shownField(name: string, value: string): string {
  return secret.test(name) && !/^access-control-/i.test(name) ? hidden : value;
}

/** A copy of settings without the values whose names tell of a secret. */
function withoutSecrets(written: unknown): unknown {
  if (Array.isArray(written)) return written.map(withoutSecrets);
  if (written === null || typeof written !== 'object') return written ?? {};
  return Object.fromEntries(
    Object.entries(written).map(([name, value]) => [name, secret.test(name) ? masked(value) : withoutSecrets(value)]),
  );
}

/** References to variables stay: the variable's value is what is secret. */
function masked(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(masked);
  return typeof value === 'boolean' || (typeof value === 'string' && /^\$\{variables\.\w+\}$/.test(value)) ? value : hidden;
}

function isTrue<Settings>(dry: boolean | ((settings: Settings) => boolean), settings: Settings): boolean {
  return typeof dry === 'function' ? dry(settings) : dry;
}
