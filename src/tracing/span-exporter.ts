import type { Logger } from 'pino';
import type { Clock, Timer } from '../model/clock.ts';
import { exportRequest, type Span } from './span.ts';

/** As OpenTelemetry's batch processor has them: spans kept at most, spans in one message, and milliseconds between two of them. */
const most = 2048;
const batch = 512;
const everyMs = 5_000;
/** Milliseconds that a collector has for its answer; and, when the process ends, for everything that is left. */
const patienceMs = 10_000;
const lastPatienceMs = 2_000;

export interface SpanExporterTools {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly resource: Readonly<Record<string, string>>;
  readonly version: string;
  readonly clock: Clock;
  readonly logger: Logger;
}

/**
 * Sends spans to a collector, some at a time and one message after the other. Traffic never waits for it: what a slow or missing
 * collector does not take is dropped, the newest first, and told once.
 */
export class SpanExporter {
  readonly #tools: SpanExporterTools;
  #waiting: Span[] = [];
  #dropped = 0;
  #failing = false;
  #timer: Timer | undefined;
  #sending: Promise<void> | undefined;
  readonly #ending = new AbortController();

  constructor(tools: SpanExporterTools) {
    this.#tools = tools;
  }

  add(span: Span): void {
    if (this.#waiting.length >= most) {
      this.#dropped++;
      return;
    }
    this.#waiting.push(span);
    if (this.#waiting.length >= batch && !this.#failing) void this.#send();
    else this.#timer ??= this.#tools.clock.after(everyMs, () => void this.#send());
  }

  /** Sends what there is, as far as the collector takes it soon. */
  async close(): Promise<void> {
    const late = this.#tools.clock.after(lastPatienceMs, () => this.#ending.abort());
    await this.#sending;
    while (this.#waiting.length > 0 && !this.#failing) await this.#send();
    late.cancel();
    this.#timer?.cancel();
  }

  /** One message at a time. Never fails. */
  #send(): Promise<void> {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#sending ??= this.#post(this.#waiting.splice(0, batch)).then(() => {
      this.#sending = undefined;
      if (this.#waiting.length > 0) this.#timer ??= this.#tools.clock.after(this.#failing ? everyMs : 0, () => void this.#send());
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
        signal: AbortSignal.any([AbortSignal.timeout(patienceMs), this.#ending.signal]),
      });
      await response.body?.cancel();
      this.#ended(response.ok ? undefined : `it answered with ${response.status}`, spans.length);
    } catch (error) {
      const { message, cause } = error as Error;
      this.#ended(cause instanceof Error ? cause.message : message, spans.length);
    }
  }

  /** Only changes are told. */
  #ended(trouble: string | undefined, spans: number): void {
    const { logger } = this.#tools;
    if (trouble !== undefined) {
      this.#dropped += spans;
      if (!this.#failing) logger.warn({ reason: trouble }, 'spans cannot be sent to the collector and are dropped; traffic goes on');
    } else if (this.#failing) {
      logger.info({ dropped: this.#dropped }, 'the collector takes spans again');
      this.#dropped = 0;
    }
    this.#failing = trouble !== undefined;
  }
}
