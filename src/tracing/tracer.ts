import { randomBytes } from 'node:crypto';
import type { ExchangeRecord } from '../access-log/contract.ts';
import type { Clock } from '../model/clock.ts';
import { isReserved } from '../model/reserved-path.ts';
import type { Exchange, ExchangeWatcher, Handler } from '../proxy/contract.ts';
import type { Sampler } from './sampler.ts';
import type { Span } from './span.ts';
import { formatTraceparent, parseTraceparent, type TraceContext } from './trace-context.ts';

/** Receives finished spans. */
export interface SpanSink {
  add(span: Span): void;
}

/**
 * Traces a handler's exchanges (W3C Trace Context). Each exchange gets a span, whose id is sent on in `traceparent`; if the trace is
 * sampled, the span goes to the sink when the exchange ends. An invalid `traceparent` begins a new trace.
 */
export class Tracer {
  readonly #sample: Sampler;
  readonly #sink: SpanSink;
  readonly #clock: Clock;

  constructor(tools: { sample: Sampler; sink: SpanSink; clock: Clock }) {
    this.#sample = tools.sample;
    this.#sink = tools.sink;
    this.#clock = tools.clock;
  }

  /** Wraps `handler` so that its exchanges are traced. */
  around(handler: Handler): Handler {
    return {
      request: (exchange) => {
        this.#trace(exchange);
        handler.request(exchange);
      },
      fault: (error, requestId) => handler.fault(error, requestId),
    };
  }

  #trace(exchange: Exchange): void {
    const { path, headers } = exchange.request;
    // Health checks and scrapes would outnumber the requests of clients.
    if (isReserved(path)) return;
    const parent = parseTraceparent(headers.get('traceparent'));
    if (parent === undefined) headers.remove('tracestate');
    const traceId = parent?.traceId ?? randomBytes(16).toString('hex');
    const context = { traceId, spanId: randomBytes(8).toString('hex'), sampled: this.#sample(traceId, parent) };
    headers.set('traceparent', formatTraceparent(context));
    if (context.sampled) exchange.watcher = this.#watcher(context, parent, path);
  }

  #watcher(context: TraceContext, parent: TraceContext | undefined, path: string): ExchangeWatcher {
    const startedAt = this.#clock.date();
    return { ended: (record) => this.#sink.add(spanOf(record, { context, parent, path, startedAt })) };
  }
}

function spanOf(
  record: ExchangeRecord,
  { context, parent, path, startedAt }: { context: TraceContext; parent: TraceContext | undefined; path: string; startedAt: number },
): Span {
  const { id, client, method, authority, status, octets, durationMs, server, aborted } = record;
  return {
    traceId: context.traceId,
    spanId: context.spanId,
    parentSpanId: parent?.spanId,
    name: method,
    startedAt,
    endedAt: startedAt + durationMs,
    failed: status === 0 || status >= 500 || aborted,
    // The query is left out, because clients may send keys in it.
    attributes: {
      'http.request.method': method,
      'url.path': path,
      'url.scheme': record.scheme,
      'server.address': authority,
      'client.address': client,
      'http.response.status_code': status === 0 ? undefined : status,
      'http.response.body.size': octets,
      'error.type': status === 0 || aborted ? 'aborted' : status >= 500 ? String(status) : undefined,
      'sluice.request_id': id,
      'enduser.id': record.consumer,
      // Only the name of the target: its URL may contain secrets.
      'sluice.server': server?.split(' ', 1)[0],
    },
  };
}
