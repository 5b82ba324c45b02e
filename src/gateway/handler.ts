import type { Logger } from 'pino';
import type { Exchange, Failure, Handler } from '../proxy/contract.ts';
import { ExchangeCounter } from '../proxy/exchange-counter.ts';
import { failures } from '../proxy/failures.ts';
import { problem } from '../proxy/own-answer.ts';
import { normalisePath } from '../routing/path.ts';
import type { Match } from './match.ts';
import { answerMetrics, answerReady, type Monitor } from './own-paths.ts';
import type { ProjectTable } from './project-table.ts';

const badPath: Failure = { status: 400, code: 'bad-path', title: 'The path is not one that every server reads the same way.' };
const wrongMethod: Failure = { status: 405, code: 'method-not-allowed', title: 'The resource does not take this method.' };

/** What the handler asks of its gateway. */
export interface Serving {
  /** Undefined: nothing is served, and every request gets a 503. */
  readonly table: ProjectTable | undefined;
  /** Whether new requests are welcome: a snapshot was applied and the server is not draining. */
  readonly ready: boolean;
  /** Without one, nobody may look at this gateway's metrics. */
  readonly monitor?: Monitor | undefined;
}

/**
 * A gateway's way with a request: its own paths, then project and resource, policies `proxyRequest` and `targetRequest`,
 * then on to the target; the response passes `targetResponse` and `proxyResponse` in the route.
 * Ends here with 400 (path), 404, 405, 503 (in no environment), or the answer of a policy. OPTIONS is answered with the
 * methods that there are where no resource asks for it; answers made here pass no response policies.
 */
export class GatewayHandler implements Handler {
  /** Requests begun, other than those for Sluice itself. */
  requests = 0;
  /** Of requests that no project is there for. */
  readonly missed = new ExchangeCounter();
  readonly #serving: Serving;
  readonly #logger: Logger;

  constructor(serving: Serving, logger: Logger) {
    this.#serving = serving;
    this.#logger = logger;
  }

  request(exchange: Exchange): void {
    const { path: given, target } = exchange.request;
    const path = given === '*' ? given : normalisePath(given);
    if (path === undefined) exchange.fail(badPath);
    else if (path === '*') exchange.respond(204, {}, '');
    else if (path === '/.sluice' || path.startsWith('/.sluice/')) this.#own(path, exchange);
    else this.#serve(path, target.slice(given.length), exchange);
  }

  fault(error: unknown, requestId: string | undefined): void {
    this.#logger.error({ err: error, requestId }, 'a bug met a request; it was ended, and everything else goes on');
  }

  #serve(path: string, query: string, exchange: Exchange): void {
    this.requests++;
    const { table } = this.#serving;
    const found = table?.find(path, query, exchange.request.method);
    if (typeof found === 'object' && 'resource' in found) {
      carry(exchange, found);
      return;
    }
    exchange.counter = table?.holder(path)?.counters.missed ?? this.missed;
    if (found === undefined) exchange.fail(failures.notReady);
    else if (found === 'no-project') exchange.fail(failures.noProject);
    else if (found === 'no-resource') exchange.fail(failures.noResource);
    else refuseMethod(exchange, found.allowed);
  }

  #own(path: string, exchange: Exchange): void {
    const { method } = exchange.request;
    const { ready, monitor } = this.#serving;
    const known = path === '/.sluice/ready' || (path === '/.sluice/metrics' && monitor !== undefined);
    if (!known) exchange.fail(failures.reserved);
    else if (method !== 'GET' && method !== 'HEAD') refuseMethod(exchange, new Set(['GET', 'HEAD']));
    else if (path === '/.sluice/ready') answerReady(exchange, ready);
    else answerMetrics(exchange, monitor as Monitor);
  }
}

function carry(exchange: Exchange, match: Match): void {
  exchange.context = match;
  const { policies, route, counter } = match.resource;
  exchange.counter = counter;
  const answer = policies.request(exchange);
  if (answer === undefined) exchange.forward(route);
  else exchange.respond(answer.status, answer.headers, answer.body);
}

function refuseMethod(exchange: Exchange, allowed: ReadonlySet<string>): void {
  const allow = [...new Set([...allowed, 'OPTIONS'])].join(', ');
  if (exchange.request.method === 'OPTIONS') {
    exchange.respond(204, { allow }, '');
  } else {
    exchange.counter.answeredHere(wrongMethod.code);
    const { status, headers, body } = problem(wrongMethod, exchange.id);
    exchange.respond(status, { ...headers, allow }, body);
  }
}
