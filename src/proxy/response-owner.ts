import type net from 'node:net';
import type { RequestHead } from '../http1/message/request-head.ts';
import { type Blame, blameField } from './blame.ts';
import type { AnswerFields, Failure, OwnFields } from './contract.ts';
import type { ExchangeClient } from './exchange-client.ts';
import type { EndCounter, ExchangeCounter } from './exchange-counter.ts';
import { mayTell } from './introduced-balancers.ts';
import { consumerField } from './told-consumer.ts';
import { homeField } from './told-home.ts';

/** The exchange of a response, as its writer sees it. */
export interface ResponseOwner {
  readonly id: string;
  /** Head of the request that is answered. */
  readonly head: RequestHead;
  readonly counter: ExchangeCounter;
  /** Counts the exchange as well. */
  readonly callerCounter?: EndCounter | undefined;
  /** True if the connection is to be closed after the response, because its listener is about to close. */
  readonly lameDuck: boolean;
  /** The culprit named in a 5xx answer; undefined: it does not say. */
  readonly blame?: Blame | undefined;
  readonly consumer?: string | undefined;
  /** True: the response tells the consumer. */
  readonly tellsConsumer?: boolean;
  /** Where requests like this one should go, for the balancer; undefined: it does not matter. */
  readonly home?: string | undefined;
  /** Fields of responses that are made here. */
  readonly ownFields?: Readonly<Record<string, string>> | undefined;
  readonly moreFields?: OwnFields | undefined;
  /** Called when more of the upstream's response can be taken, after a `pace` that stopped it. */
  takesMore(): void;
  /** The failure is answered by something else, which is already done. */
  replaces(failure: Failure): boolean;
  /** Reports a bug and ends the exchange. */
  crashed(error: unknown): void;
  /** Called when nothing more will be sent, before the exchange is counted: what is still being done for the response must stop. */
  ended(): void;
  /** Called when the client's connection has been given away, before the exchange is counted. */
  handedOver(socket: net.Socket): void;
  /** Called once, last, when the exchange has been counted. */
  counted(): void;
}

/** Fields of a response that is made here: those given, and those that the exchange adds. @param tells the client may get the consumer and the home */
export function fieldsOfAnswer(owner: ResponseOwner, status: number, given: AnswerFields, tells: boolean): AnswerFields {
  const { blame, ownFields, moreFields, consumer, tellsConsumer, home } = owner;
  const told = status >= 500 && blame ? { ...given, [blameField]: blame } : given;
  const withConsumer = tellsConsumer && consumer !== undefined && tells ? { ...told, [consumerField]: consumer } : told;
  const withHome = home === undefined || !tells ? withConsumer : { ...withConsumer, [homeField]: home };
  return (ownFields ?? moreFields) === undefined ? withHome : { ...withHome, ...ownFields, ...moreFields?.toRecord() };
}

/** Lines of a response's head for the balancer in front: the culprit, the consumer and the home. */
export function toldLines({ blame, consumer, tellsConsumer, home }: ResponseOwner, status: number, client: ExchangeClient): string {
  let lines = '';
  if (status >= 500 && blame) lines += `${blameField}: ${blame}\r\n`;
  if (tellsConsumer && mayTell(client)) lines += `${consumerField}: ${consumer}\r\n`;
  if (home !== undefined && mayTell(client)) lines += `${homeField}: ${home}\r\n`;
  return lines;
}
