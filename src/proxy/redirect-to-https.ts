import type { Exchange } from './contract.ts';
import { failures } from './failures.ts';

/** Answers with the URL of the request with https, for any method (RFC 9110 section 15.4.9). */
export function redirectToHttps(exchange: Exchange, port: number): void {
  const { authority, target } = exchange.request;
  const host = authority.replace(/:\d*$/, '');
  if (host === '') {
    exchange.fail(failures.noEnvironment);
    return;
  }
  const location = `https://${host}${port === 443 ? '' : `:${port}`}${target === '*' ? '' : target}`;
  exchange.respond(308, { location, 'cache-control': 'no-store' }, '');
}
