import type net from 'node:net';
import type { ResponseSink } from '../http1/connection/response-sink.ts';
import type { Wire } from '../http1/connection/wire.ts';
import type { EditedFields } from '../http1/message/edited-fields.ts';
import type { ResponseHead } from '../http1/message/response-head.ts';
import type { ConnectionEnds } from '../model/proxy-protocol.ts';
import type { Handler } from './contract.ts';
import type { ExchangeClient } from './exchange-client.ts';
import type { ExchangeCounter } from './exchange-counter.ts';
import type { ExchangeOwner } from './exchange-owner.ts';
import type { ForwardedExchange } from './forwarded-exchange.ts';
import type { ResponseMessages } from './response-messages.ts';

/** A passage, as the second role uses it. */
export interface InnerSide {
  heard: boolean;
  place: number;
  edits: EditedFields | undefined;
  full: boolean;
  readonly complete: boolean;
  readonly stopped: ResponseMessages['full'];
  /** Undefined: the exchange has ended for the first role. */
  readonly sink: ResponseSink | undefined;
  expectAnswer(): void;
  finished(trailers: string): void;
  left(): void;
  takeEnd(): net.Socket;
  crashed(error: unknown): void;
}

/** The second role, to which passages lead. */
export interface PassageOwner {
  readonly handler: Handler;
  /** Counts exchanges for which the role sets no other counter. */
  readonly counter: ExchangeCounter;
  /** The exchange of a passage is not in flight any more. */
  left(passage: InnerSide): void;
  /** The exchange of a passage has become a tunnel. */
  tunnelOpened(socket: net.Socket): void;
}

const nothing = Buffer.alloc(0);

/** The client of an exchange that has come through a passage, and its listener: those of the exchange in the first role, as the second one sees them. */
export class PassageClient implements ExchangeClient, ExchangeOwner, ResponseMessages {
  readonly #passage: InnerSide;
  readonly #owner: PassageOwner;
  readonly #outer: ForwardedExchange;

  constructor(passage: InnerSide, owner: PassageOwner, outer: ForwardedExchange) {
    this.#passage = passage;
    this.#owner = owner;
    this.#outer = outer;
  }

  // The client

  get messages(): ResponseMessages {
    return this;
  }

  get bodyNearEnd(): boolean {
    return true;
  }

  get wire(): Wire {
    return this.#outer.client.wire;
  }

  get peer(): string {
    return this.#outer.client.peer;
  }

  get announced(): ConnectionEnds | undefined {
    return this.#outer.client.announced;
  }

  get secured(): ExchangeClient['secured'] {
    return this.#outer.client.secured;
  }

  get proof(): string | undefined {
    return this.#outer.client.proof;
  }

  get bodyComplete(): boolean {
    return this.#passage.complete;
  }

  trailers(edits: EditedFields | undefined): string {
    return this.#outer.client.trailers(edits);
  }

  pause(): void {
    this.#passage.full = true;
    if (this.#passage.sink !== undefined) this.#outer.client.pause();
  }

  resume(): void {
    this.#passage.full = false;
    this.#passage.sink?.upstreamDrained();
  }

  awaitDrain(): void {}

  finish(): void {
    this.#passage.left();
  }

  destroy(): void {
    this.#passage.left();
  }

  release(): { socket: net.Socket; after: Buffer } {
    return { socket: this.#passage.takeEnd(), after: nothing };
  }

  // Its listener; the connection is a matter of the first role

  get lameDuck(): boolean {
    return false;
  }

  get closing(): boolean {
    return false;
  }

  get configured(): string {
    return this.#outer.owner.configured;
  }

  get proxies(): ExchangeOwner['proxies'] {
    return this.#outer.owner.proxies;
  }

  get counter(): ExchangeCounter {
    return this.#owner.counter;
  }

  fault(error: unknown, requestId: string): void {
    this.#owner.handler.fault(error, requestId);
  }

  left(): void {
    this.#owner.left(this.#passage);
  }

  tunnelOpened(_client: ExchangeClient, socket: net.Socket): void {
    this.#owner.tunnelOpened(socket);
  }

  /** The first role logs the exchange. */
  log(): void {}

  // The response

  get full(): ResponseMessages['full'] {
    return this.#passage.stopped;
  }

  interim(head: ResponseHead): void {
    this.#guarded(() => this.#passage.sink?.head(head));
  }

  head(head: ResponseHead, edits: EditedFields | undefined): void {
    const passage = this.#passage;
    passage.heard = true;
    passage.edits = edits;
    try {
      passage.sink?.head(head);
    } catch (error) {
      passage.crashed(error);
    }
  }

  data(buffer: Buffer, start: number, end: number): void {
    try {
      this.#passage.sink?.responseData(buffer, start, end);
    } catch (error) {
      this.#passage.crashed(error);
    }
  }

  end(trailers: string): void {
    const { sink } = this.#passage;
    try {
      this.#passage.finished(trailers);
    } catch (error) {
      sink?.crashed(error);
    }
  }

  turnEnd(): void {
    this.#passage.expectAnswer();
    this.#passage.sink?.turnEnd();
  }

  switched(head: ResponseHead, edits: EditedFields | undefined): void {
    this.#passage.edits = edits;
    this.#guarded(() => this.#passage.sink?.switched(head, nothing, 0, 0));
  }

  #guarded(act: () => void): void {
    try {
      act();
    } catch (error) {
      this.#passage.crashed(error);
    }
  }
}
