import type { Logger } from 'pino';
import { isLoginPath, isReserved, metricsPath, readyPath, usagePath } from '../model/reserved-path.ts';
import { identityField } from '../model/server-identity.ts';
import { controlTurns } from '../model/turns.ts';
import type { Exchange, Failure, Handler } from '../proxy/contract.ts';
import { ExchangeCounter } from '../proxy/exchange-counter.ts';
import { failures } from '../proxy/failures.ts';
import { isFromSluice } from '../proxy/is-local.ts';
import { logFault } from '../proxy/log-fault.ts';
import { problem } from '../proxy/own-answer.ts';
import { isPlainPath, readPath } from '../routing/path.ts';
import type { Match } from './match.ts';
import { PolicyRun } from './policy-run.ts';
import type { Lookup, ProjectTable } from './project-table.ts';
import { answerMetrics, answerReady, answerUsage, type MetricsSource, type Unready } from './reserved-paths.ts';

const badPath: Failure = { status: 400, code: 'bad-path', title: 'The path is ambiguous: servers could read it in different ways.' };
const refusals: Readonly<Record<Extract<Lookup, string>, Failure>> = {
  'no-project': failures.noProject,
  'no-resource': failures.noResource,
  'no-resource-as-read': failures.noResourceAsRead,
  'bad-path': badPath,
  'encoded-slash': failures.encodedSlash,
};
const wrongMethod: Failure = { status: 405, code: 'method-not-allowed', title: 'The resource does not allow this method.' };

/** State of the gateway that the handler reads at each request. */
export interface ServingState {
  /** Undefined while no snapshot is applied: every request gets a 503. */
  readonly table: ProjectTable | undefined;
  /** True while the gateway takes new requests: a snapshot is applied and the server is not draining. */
  readonly ready: boolean;
  /** Why the gateway takes no new requests, if that is known. */
  readonly unready?: Unready | undefined;
  /** Identity of the server, as it states it at `/.sluice/ready`; undefined: it states none. */
  readonly identity?: string | undefined;
  /** Undefined: `/.sluice/metrics` and `/.sluice/usage` do not exist. */
  readonly metrics?: MetricsSource | undefined;
}

/**
 * Handles a gateway's requests. Answers reserved paths; for all others finds project and resource, runs the policies `proxyRequest` and
 * `targetRequest`, and forwards along the resource's route, which runs `targetResponse` and `proxyResponse` on the response.
 * Answers itself with 400 (path), 404, 405, 503 (no snapshot), or the answer of a policy; no response policies run on these. Also answers
 * OPTIONS with the allowed methods, unless a resource takes OPTIONS.
 */
export class GatewayHandler implements Handler {
  /** Requests started so far, those for reserved paths excluded. */
  requests = 0;
  /** Counts requests that match no project. */
  readonly unmatched = new ExchangeCounter();
  readonly #state: ServingState;
  readonly #logger: Logger;

  constructor(state: ServingState, logger: Logger) {
    this.#state = state;
    this.#logger = logger;
  }

  request(exchange: Exchange): void {
    controlTurns.requests++;
    const { target, method } = exchange.request;
    if (target === '*') {
      exchange.respond(204, {}, '');
      return;
    }
    const end = target.indexOf('?');
    const path = end === -1 ? target : target.slice(0, end);
    const query = end === -1 ? '' : target.slice(end);
    const { table } = this.#state;
    if (isPlainPath(path)) {
      this.requests++;
      const found =
        method === 'OPTIONS'
          ? findOptions(exchange, (asked) => table?.find(path, query, asked, target))
          : table?.find(path, query, method, target);
      this.#finish(found, path, exchange);
      return;
    }
    const reading = readPath(path);
    if (reading === undefined) exchange.fail(badPath);
    else if (isLoginPath(path)) this.#answerLogin(path, query, exchange);
    else if (isReserved(reading.path)) this.#answerReserved(reading.path, query, exchange);
    else if (reading.forms.some(isReserved)) exchange.fail(failures.reserved);
    else {
      this.requests++;
      const find = (asked: string) => table?.findStrictly(path, reading, query, asked);
      this.#finish(method === 'OPTIONS' ? findOptions(exchange, find) : find(method), reading.forms[0], exchange);
    }
  }

  fault(error: unknown, requestId: string | undefined): void {
    logFault(this.#logger, error, requestId);
  }

  get linkFields(): string | undefined {
    const { identity } = this.#state;
    return identity === undefined ? undefined : `${identityField}: ${identity}\r\n`;
  }

  linkFault(peer: string, reason: string): void {
    this.#logger.error(
      { peer, reason },
      'a balancer broke the rules of the link with this server: it is closed, and its requests have connections of their own',
    );
  }

  /** @param found undefined: no snapshot is applied */
  #finish(found: Lookup | undefined, path: string, exchange: Exchange): void {
    if (typeof found === 'object' && 'resource' in found) {
      this.#follow(found, exchange);
      return;
    }
    const project = this.#state.table?.projectOf(path);
    exchange.counter = project?.counters.unmatched ?? this.unmatched;
    if (project === undefined || project.outer.empty) refuse(exchange, found);
    else
      new PolicyRun(
        exchange,
        { route: undefined, policies: project.outer, template: '/', basePath: project.basePath, admission: project.admission },
        this,
      ).start(() => refuse(exchange, found));
  }

  /** Runs the policies of the resource, then forwards along its route. */
  #follow(match: Match, exchange: Exchange): void {
    exchange.context = match;
    const { policies, route, counter, admission } = match.resource;
    exchange.counter = counter;
    if (policies.request.length === 0 && !admission.demanding) exchange.forward(route);
    else {
      match.run = new PolicyRun(exchange, match.resource, this);
      match.run.start();
    }
  }

  /** Gives a path of a login to the project at `/`, if one of its policies answers that path. */
  #answerLogin(path: string, query: string, exchange: Exchange): void {
    const found = this.#state.table?.find(path, query, exchange.request.method);
    if (typeof found !== 'object' || !('resource' in found) || found.resource.template !== path) exchange.fail(failures.reserved);
    else this.#finish(found, path, exchange);
  }

  #answerReserved(path: string, query: string, exchange: Exchange): void {
    const { method } = exchange.request;
    const { ready, unready, identity, metrics } = this.#state;
    const known = path === readyPath || ((path === metricsPath || path === usagePath) && metrics !== undefined);
    // Balancers never forward a reserved path, so the client of some project asks: its target is this server.
    if (!known || isFromSluice(exchange.request.headers.get('via'))) exchange.fail(failures.reserved);
    else if (method !== 'GET' && method !== 'HEAD') refuseMethod(exchange, new Set(['GET', 'HEAD']));
    else if (path === readyPath) {
      exchange.introduced?.();
      answerReady(exchange, { ready, unready, identity });
    } else {
      const fault = (error: unknown) => this.fault(error, exchange.id);
      if (path === metricsPath) answerMetrics(exchange, metrics as MetricsSource, fault);
      else answerUsage(exchange, metrics as MetricsSource, new URLSearchParams(query).get('project') ?? undefined, fault);
    }
  }
}

/**
 * Finds what serves an OPTIONS request. If it is a preflight of CORS (Fetch standard), that is the resource for the method that it asks about, if a
 * policy of that resource answers preflights.
 */
function findOptions({ request }: Exchange, find: (method: string) => Lookup | undefined): Lookup | undefined {
  const asked = request.headers.get('origin') === undefined ? undefined : request.headers.get('access-control-request-method');
  const found = asked === undefined ? undefined : find(asked);
  const answered = typeof found === 'object' && 'resource' in found && found.resource.policies.answersPreflights;
  return answered ? found : find('OPTIONS');
}

/** @param found undefined: no snapshot is applied */
function refuse(exchange: Exchange, found: Exclude<Lookup, Match> | undefined): void {
  if (found === undefined) exchange.fail(failures.notReady);
  else if (typeof found === 'object') refuseMethod(exchange, found.allowed);
  else exchange.fail(refusals[found]);
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
