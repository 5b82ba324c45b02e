import type { ExchangeRecord } from '../access-log/contract.ts';
import type { RequestHead } from '../http1/message/request-head.ts';
import type { Exchange } from './contract.ts';
import type { ResponseWriter } from './response-writer.ts';

/** The record of an exchange that has ended. @param clientCertificate subject of the client's certificate; undefined: it has shown none */
export function recordOf(
  exchange: Exchange & { readonly head: RequestHead },
  { status, octets, durationMs, server, aborted }: ResponseWriter,
  clientCertificate: string | undefined,
): ExchangeRecord {
  const { head, request } = exchange;
  return {
    id: exchange.id,
    client: exchange.clientAddress,
    method: request.method,
    scheme: exchange.secure ? 'https' : 'http',
    authority: request.authority,
    target: request.target,
    minor: head.minor,
    referer: head.fields.get('referer'),
    userAgent: head.fields.get('user-agent'),
    clientCertificate,
    consumer: exchange.consumer,
    status,
    octets,
    durationMs,
    server,
    aborted,
  };
}
