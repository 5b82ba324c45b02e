import { outbox } from '../http1/connection/outbox.ts';
import type { RequestHead } from '../http1/message/request-head.ts';
import type { ExchangeClient } from './exchange-client.ts';
import type { ForwardedExchange } from './forwarded-exchange.ts';
import type { ServerLink } from './message-connection.ts';

/** Sends octets [start, end) of a request's body to a server. */
export function writeBody(connection: ServerLink, head: RequestHead, buffer: Buffer, start: number, end: number): void {
  if (connection.wire === undefined) {
    connection.body(buffer, start, end);
    return;
  }
  const out = outbox.to(connection.wire);
  if (head.chunked) out.chunk(buffer, start, end);
  else out.octets(buffer, start, end);
}

/** Ends a request's body, with its trailer fields. */
export function writeBodyEnd(connection: ServerLink, { head, edits }: ForwardedExchange, client: Pick<ExchangeClient, 'trailers'>): void {
  if (connection.wire === undefined) connection.end(client.trailers(edits));
  else if (head.chunked) outbox.to(connection.wire).text(`0\r\n${client.trailers(edits)}\r\n`);
}
