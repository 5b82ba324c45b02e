import type { Exchange } from '../proxy/contract.ts';
import { failures } from '../proxy/failures.ts';
import { isLocal } from '../proxy/local.ts';
import { problem } from '../proxy/own-answer.ts';

/** What monitoring may ask of a gateway. */
export interface Monitor {
  /** Whether these credentials let somebody look who is not on this machine. */
  admits(authorization: string | undefined): boolean;
  /** In Prometheus' text format. */
  metrics(): { readonly type: string; readonly text: string };
}

/** `/.sluice/ready`: 200 if new requests are welcome, else 503. */
export function answerReady(exchange: Exchange, ready: boolean): void {
  if (ready) exchange.respond(200, { 'content-type': 'text/plain', 'cache-control': 'no-store' }, 'ready\n');
  else exchange.fail(failures.notReady);
}

/** `/.sluice/metrics`, for this machine, or whoever shows the join token. */
export function answerMetrics(exchange: Exchange, monitor: Monitor): void {
  const { request, clientAddress } = exchange;
  if (!isLocal(clientAddress, request.authority) && !monitor.admits(request.headers.get('authorization'))) {
    exchange.counter.answeredHere(failures.unauthorized.code);
    const { status, headers, body } = problem(failures.unauthorized, exchange.id);
    exchange.respond(status, { ...headers, 'www-authenticate': 'Bearer' }, body);
    return;
  }
  const { type, text } = monitor.metrics();
  exchange.respond(200, { 'content-type': type, 'cache-control': 'no-store' }, text);
}
