import type { WireFault } from '../message/wire-fault.ts';

/** Receives the body of one request. */
export interface RequestSink {
  /** The response has begun to be sent. */
  readonly responding: boolean;
  data(buffer: Buffer, start: number, end: number): void;
  /** The body is complete. */
  end(): void;
  /** The body cannot be completed, for the reason `fault`. If that is undefined, the client is gone and nothing can be sent. */
  abort(fault: WireFault | undefined): void;
  /** All octets of one read have been passed on. */
  turnEnd(): void;
  /** The client has read what was sent: more can be sent. */
  clientDrained(): void;
  /** One of the methods above threw, which is a bug. */
  crashed(error: unknown): void;
}

/** Drops what it receives: the exchange has ended. */
export const discard: RequestSink = { responding: true, data() {}, end() {}, abort() {}, turnEnd() {}, clientDrained() {}, crashed() {} };
