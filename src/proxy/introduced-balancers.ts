import type { ExchangeClient } from './exchange-client.ts';

const userAgent = 'sluice-balancer';
/** Field in which a balancer that introduces itself says that it passes on none of the response fields by which gateway servers tell it something. */
const takesField = 'Sluice-Takes';
const everything = 'told';

/** Fields of a balancer's introduction. */
export const introductionFields = `User-Agent: ${userAgent}\r\n${takesField}: ${everything}\r\n`;

/** Connections of balancers of an older version. */
const unaware = new WeakSet<ExchangeClient>();

/** Notes by the head of a request for readiness whether a balancer at the other end of the connection keeps to itself what it is told. */
export function noteIntroduction(client: ExchangeClient, headers: { get(name: string): string | undefined }): void {
  if (headers.get('user-agent') !== userAgent) return;
  if (headers.get(takesField)?.split(/, */).includes(everything)) unaware.delete(client);
  else unaware.add(client);
}

/** False if the consumer of a request, or its home, would reach the clients behind this connection. */
export function mayTell(client: ExchangeClient): boolean {
  return !unaware.has(client);
}
