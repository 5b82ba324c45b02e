import type net from 'node:net';
import type { ExchangeRecord } from '../access-log/contract.ts';
import type { ExchangeClient } from './exchange-client.ts';
import type { ExchangeCounter } from './exchange-counter.ts';
import type { ListenerProxies } from './trusted-proxies.ts';

/** The listener of an exchange, as the exchange sees it. */
export interface ExchangeOwner {
  /** Address as configured. */
  readonly configured: string;
  readonly proxies: ListenerProxies;
  readonly lameDuck: boolean;
  /** True once the listener closes: no connection is kept. */
  readonly closing: boolean;
  /** Counts exchanges for which no role sets another counter. */
  readonly counter: ExchangeCounter;
  fault(error: unknown, requestId: string): void;
  /** The exchange is not in flight any more. */
  left(): void;
  /** The connection of the exchange has been given away. */
  tunnelOpened(connection: ExchangeClient, socket: net.Socket): void;
  /** Called last. `record` is called only if it is wanted. */
  log(exchange: { record(): ExchangeRecord }): void;
}
