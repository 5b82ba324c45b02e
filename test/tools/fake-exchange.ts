import type { HeaderFields } from '../../src/http1/message/message-view.ts';
import type { Exchange, Failure, Route } from '../../src/proxy/contract.ts';
import { ExchangeCounter } from '../../src/proxy/exchange-counter.ts';
import type { Upstream } from '../../src/proxy/upstream.ts';

/** Header fields as a list of lines. */
export class Fields implements HeaderFields {
  lines: [string, string][];

  constructor(lines: Record<string, string> = {}) {
    this.lines = Object.entries(lines);
  }

  get(name: string): string | undefined {
    const all = this.all(name);
    return all.length === 0 ? undefined : all.join(', ');
  }

  all(name: string): string[] {
    return this.lines.filter(([each]) => each.toLowerCase() === name.toLowerCase()).map(([, value]) => value);
  }

  set(name: string, value: string): void {
    this.remove(name);
    this.add(name, value);
  }

  add(name: string, value: string): void {
    this.lines.push([name, value]);
  }

  remove(name: string): void {
    this.lines = this.lines.filter(([each]) => each.toLowerCase() !== name.toLowerCase());
  }

  entries(): [string, string][] {
    return this.lines;
  }
}

/** An exchange without connections: records which answer, failure or route a handler chose. */
export class FakeExchange implements Exchange {
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
  answer: { status: number; headers: Readonly<Record<string, string>>; body: string } | undefined;
  failure: Failure | undefined;

  constructor(method: string, target: string, headers: Record<string, string> = {}) {
    const path = target.split('?')[0] as string;
    const plain = !/[.%;\\]/.test(target);
    this.request = { method, target, path, plain, authority: 'api.example.com', headers: new Fields(headers) };
  }

  forward(route: Route): void {
    this.route = route;
  }

  respond(status: number, headers: Readonly<Record<string, string>>, body: string | Buffer): void {
    this.answer = { status, headers, body: body.toString() };
  }

  fail(failure: Failure): void {
    this.failure = failure;
  }

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
