import type { AnswerFields, Exchange, ExchangeWatcher, Failure, OwnFields, Route } from '../../src/proxy/contract.ts';
import { ExchangeCounter } from '../../src/proxy/exchange-counter.ts';
import { ListedFields } from '../../src/proxy/listed-fields.ts';
import type { Upstream } from '../../src/proxy/upstream.ts';
import { WithoutBodies } from '../../src/proxy/without-bodies.ts';

/** Header fields as a list of lines. */
export class Fields extends ListedFields {
  constructor(lines: Record<string, string> = {}) {
    super(Object.entries(lines));
  }
}

/** An exchange without connections: records which answer, failure or route a handler chose. */
export class FakeExchange extends WithoutBodies implements Exchange {
  readonly id = 'request-1';
  readonly request: { method: string; target: string; path: string; plain: boolean; authority: string; headers: Fields };
  readonly response = { status: 200, headers: new Fields() };
  readonly clientAddress = '192.0.2.1';
  readonly forwarded = false;
  readonly secure: boolean = false;
  readonly listener = '127.0.0.1:0';
  context: unknown;
  counter = new ExchangeCounter();
  route: Route | undefined;
  answer: { status: number; headers: AnswerFields; body: string } | undefined;
  failure: Failure | undefined;
  watcher: ExchangeWatcher | undefined;
  moreFields: OwnFields | undefined;

  constructor(method: string, target: string, headers: Record<string, string> = {}) {
    super();
    const path = target.split('?')[0] as string;
    const plain = !/[.%;\\]/.test(target);
    this.request = { method, target, path, plain, authority: 'api.example.com', headers: new Fields(headers) };
  }

  forward(route: Route): void {
    this.route = route;
  }

  respond(status: number, headers: AnswerFields, body: string | Buffer): void {
    this.answer = { status, headers, body: body.toString() };
  }

  fail(failure: Failure): void {
    this.failure = failure;
  }

  get over(): boolean {
    return this.status !== undefined;
  }

  copy(): undefined {}

  get status(): number | undefined {
    return this.answer?.status ?? this.failure?.status;
  }

  /** Picks an upstream of the chosen route. Returns its `http://host:port`, then the target and (Host) that it would be sent. */
  sentTo(tried: readonly Upstream[] = []): string | undefined {
    const upstream = this.route?.pick(this, tried);
    if (upstream === undefined) return undefined;
    const sent = this.route?.rewrite?.(this, upstream);
    return `${upstream.secure ? 'https' : 'http'}://${upstream.host}:${upstream.port}${sent?.target} (${sent?.host})`;
  }
}
