import { randomUUID } from 'node:crypto';
import type { AskedRequest } from '../model/explanation.ts';
import type { Exchange, Failure, Route } from '../proxy/contract.ts';
import { ExchangeCounter } from '../proxy/exchange-counter.ts';
import { ListedFields } from '../proxy/listed-fields.ts';
import { problem } from '../proxy/own-answer.ts';
import { WithoutBodies } from '../proxy/without-bodies.ts';

/** End of a dry exchange: an answer, or the route along which it would be forwarded. */
export type DryEnd =
  | { readonly status: number; readonly headers: Readonly<Record<string, unknown>>; readonly body: string }
  | { readonly route: Route };

/** An exchange without a connection: it finds out what would be done with a request, and sends nothing. */
export class DryExchange extends WithoutBodies implements Exchange {
  readonly id = randomUUID();
  readonly request: Exchange['request'];
  readonly clientAddress: string;
  readonly forwarded = false;
  readonly secure: boolean;
  readonly listener = '';
  readonly over = false;
  moreFields: Exchange['moreFields'];
  context: unknown;
  counter = new ExchangeCounter();
  /** Resolves when the request is answered or would be forwarded. */
  readonly end: Promise<DryEnd>;
  #ended: (end: DryEnd) => void = () => {};

  constructor({ method, url, headers, clientAddress }: AskedRequest) {
    super();
    const [, scheme = 'http:', host = '', rest = ''] = /^(?:(https?:)\/\/([^/?#]*))?(.*)$/s.exec(url) ?? [];
    const target = rest.startsWith('/') ? rest : `/${rest}`;
    const fields = new ListedFields(headers);
    this.request = {
      method,
      target,
      path: target.split('?', 1)[0] as string,
      plain: false,
      authority: (fields.get('host') ?? host).toLowerCase(),
      headers: fields,
    };
    this.secure = scheme === 'https:';
    this.clientAddress = clientAddress;
    this.end = new Promise((resolve) => {
      this.#ended = resolve;
    });
  }

  get response(): never {
    throw new Error('a dry exchange has no response');
  }

  forward(route: Route): void {
    this.#ended({ route });
  }

  respond(status: number, headers: Readonly<Record<string, unknown>>, body: string | Buffer): void {
    this.#ended({ status, headers, body: body.toString() });
  }

  fail(failure: Failure): void {
    this.#ended(problem(failure, this.id));
  }

  copy(): undefined {}
}
