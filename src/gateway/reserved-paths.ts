import { identityField } from '../model/server-identity.ts';
import type { Exchange } from '../proxy/contract.ts';
import { failures } from '../proxy/failures.ts';
import { isLocal } from '../proxy/is-local.ts';
import { problem } from '../proxy/own-answer.ts';

/** The counts of a gateway, and the clients that may read them. */
export interface MetricsSource {
  /** True if a client on another machine may read what is counted with these credentials (`Authorization`). */
  admits(authorization: string | undefined): boolean;
  /** The metrics in Prometheus' text format. */
  metrics(): Promise<Counted>;
  /** The counts for balancers as JSON. @param project name of the one to describe in detail; undefined: totals of all */
  usage(project: string | undefined): Promise<Counted>;
}

/** Counts of a gateway, written in turns of the event loop. */
export interface Counted {
  /** Media type. */
  readonly type: string;
  readonly octets: Buffer;
}

/** Why a gateway takes no requests, for people. Names neither address nor cause, since anyone may ask. */
const reasons = {
  'not-joined': 'it could not join yet, its log says why',
  available: 'it is in no environment yet',
  starting: 'it still reads what its environment runs',
  draining: 'it drains',
} as const;
export type Unready = keyof typeof reasons;

/**
 * Answers `/.sluice/ready`: 200 while the gateway takes new requests, else 503 with the reason. Either answer states the server's identity. A balancer
 * asks for it on each new connection before it sends a request, so that the connection stays open, while the server drains too.
 */
export function answerReady(
  exchange: Exchange,
  { ready, unready, identity }: { ready: boolean; unready: Unready | undefined; identity: string | undefined },
): void {
  exchange.keepOpen = true;
  const stated = identity === undefined ? {} : { [identityField]: identity };
  if (ready) exchange.respond(200, { 'content-type': 'text/plain', 'cache-control': 'no-store', ...stated }, 'ready\n');
  else
    exchange.fail(
      unready === undefined ? failures.notReady : { ...failures.notReady, title: `This server is not in service: ${reasons[unready]}.` },
      stated,
    );
}

/** Answers `/.sluice/metrics` for clients on this machine, unless a proxy passes their requests on, and clients with the join token. */
export function answerMetrics(exchange: Exchange, source: MetricsSource, fault: (error: unknown) => void): void {
  if (isAdmitted(exchange, source)) answer(exchange, source.metrics(), fault);
}

/** Answers `/.sluice/usage` for balancers, which show their certificates, and for those who may read the metrics. */
export function answerUsage(exchange: Exchange, source: MetricsSource, project: string | undefined, fault: (error: unknown) => void): void {
  const isBalancer = exchange.fromBalancer === true && !exchange.forwarded;
  if (!isBalancer && !isAdmitted(exchange, source)) return;
  answer(exchange, source.usage(project), fault);
}

function answer(exchange: Exchange, counted: Promise<Counted>, fault: (error: unknown) => void): void {
  counted.then(
    ({ type, octets }) => {
      if (!exchange.over) exchange.respond(200, { 'content-type': type, 'cache-control': 'no-store' }, octets);
    },
    (error: unknown) => {
      fault(error);
      exchange.fail(failures.internal);
    },
  );
}

/** True if the client may read what the server has counted; else answers that it may not. */
function isAdmitted(exchange: Exchange, source: MetricsSource): boolean {
  const { request, clientAddress } = exchange;
  const local = !exchange.forwarded && isLocal(clientAddress, request.authority);
  if (local || source.admits(request.headers.get('authorization'))) return true;
  exchange.counter.answeredHere(failures.unauthorized.code);
  const { status, headers, body } = problem(failures.unauthorized, exchange.id);
  exchange.respond(status, { ...headers, 'www-authenticate': 'Bearer' }, body);
  return false;
}
