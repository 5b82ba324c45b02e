import { fieldIds } from '../http1/message/field-ids.ts';
import type { RequestHead } from '../http1/message/request-head.ts';
import type { Exchange } from './contract.ts';
import { failures } from './failures.ts';

/**
 * Answers an OPTIONS or TRACE whose Max-Forwards is used up (RFC 9110 section 7.6.2), and lowers it in any other.
 * TRACE is not reflected, because that would show what proxies before us have added.
 */
export function endsHere(exchange: Exchange, { method, fields }: RequestHead): boolean {
  if (method !== 'OPTIONS' && method !== 'TRACE') return false;
  const line = fields.indexOf(fieldIds['max-forwards']);
  const given = line < 0 ? '' : fields.value(line);
  if (!/^\d{1,9}$/.test(given)) return false;
  const left = Number(given);
  if (left > 0) exchange.request.headers.set('Max-Forwards', String(left - 1));
  else if (method === 'OPTIONS') exchange.respond(204, {}, '');
  else exchange.fail(failures.traceEndsHere);
  return left === 0;
}
