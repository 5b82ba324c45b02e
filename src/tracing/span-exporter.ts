import type { Logger } from 'pino';
import type { Clock, Timer } from '../model/clock.ts';
import { exportRequest, type Span } from './span.ts';

/** Defaults of OpenTelemetry's batch processor: queued spans at most, spans in one request, milliseconds between two requests. */
const maxQueued = 2048;
const batchSize = 512;
const intervalMs = 5_000;
/** Time limits in milliseconds for a collector to respond and, when the process ends, to take all remaining spans. */
const responseTimeoutMs = 10_000;
const closeTimeoutMs = 2_000;

export interface SpanExporterTools {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly resource: Readonly<Record<string, string>>;
  readonly version: string;
  readonly clock: Clock;
  readonly logger: Logger;
}

/**
 * Sends spans to a collector in batches, one request at a time. Traffic never waits for it: spans that a slow or missing collector does
 * not take are dropped, newest first, and that is logged once.
 */
export class SpanExporter {
  readonly #tools: SpanExporterTools;
  #queue: Span[] = [];
  #dropped = 0;
  #failing = false;
  #timer: Timer | undefined;
  #sending: Promise<void> | undefined;
  readonly #ending = new AbortController();

  constructor(tools: SpanExporterTools) {
    this.#tools = tools;
  }

  add(span: Span): void {
    if (this.#queue.length >= maxQueued) {
      this.#dropped++;
      return;
    }
    this.#queue.push(span);
    if (this.#queue.length >= batchSize && !this.#failing) void this.#send();
    else this.#timer ??= this.#tools.clock.after(intervalMs, () => void this.#send());
  }

  /** Sends the queued spans; gives up after `closeTimeoutMs`. */
  async close(): Promise<void> {
    const late = this.#tools.clock.after(closeTimeoutMs, () => this.#ending.abort());
    await this.#sending;
    while (this.#queue.length > 0 && !this.#failing) await this.#send();
    late.cancel();
    this.#timer?.cancel();
  }

  /** Sends one batch, one request at a time. Never rejects. */
  #send(): Promise<void> {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#sending ??= this.#post(this.#queue.splice(0, batchSize)).then(() => {
      this.#sending = undefined;
      if (this.#queue.length > 0) this.#timer ??= this.#tools.clock.after(this.#failing ? intervalMs : 0, () => void this.#send());
    });
    return this.#sending;
  }

  async #post(spans: readonly Span[]): Promise<void> {
    const { url, headers, resource, version } = this.#tools;
    try {
      const response = await fetch(url, {
        method: 'POST',
        headers: { ...headers, 'content-type': 'application/json' },
        body: exportRequest(spans, resource, version),
        redirect: 'error',
        signal: AbortSignal.any([AbortSignal.timeout(responseTimeoutMs), this.#ending.signal]),
      });
      await response.body?.cancel();
      this.#report(response.ok ? undefined : `the collector answered with status ${response.status}`, spans.length);
    } catch (error) {
      const { message, cause } = error as Error;
      this.#report(cause instanceof Error ? cause.message : message, spans.length);
    }
  }

  /** Logs only the change between success and failure. */
  #report(failure: string | undefined, spans: number): void {
    const { logger } = this.#tools;
    if (failure !== undefined) {
      this.#dropped += spans;
      if (!this.#failing)
        logger.warn({ reason: failure }, 'spans cannot be sent to the collector and are dropped; traffic is not affected');
    } else if (this.#failing) {
      logger.info({ dropped: this.#dropped }, 'the collector accepts spans again');
      this.#dropped = 0;
    }
    this.#failing = failure !== undefined;
  }
}
