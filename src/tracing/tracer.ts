import { randomBytes } from 'node:crypto';
import type { ExchangeRecord } from '../access-log/access-log.ts';
import type { Clock } from '../model/clock.ts';
import type { Exchange, ExchangeWatcher, Handler } from '../proxy/contract.ts';
import type { Sampler } from './sampler.ts';
import type { Span } from './span.ts';
import { formatTraceparent, parseTraceparent, type TraceContext } from './trace-context.ts';

/** What becomes of spans. */
export interface SpanSink {
  add(span: Span): void;
}

/**
 * Puts a handler's exchanges into traces (W3C Trace Context): each gets a span of its own, whose id goes on to the next server in
 * `traceparent`; if the trace is sampled, the span is told when the exchange ends. A `traceparent` that is not valid begins a new trace.
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

  /** The handler, with its exchanges traced. */
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
    // Checks of health would outnumber what anybody wants to see.
    if (path.startsWith('/.sluice/')) return;
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
    // The query is left out: keys are sent in it at times.
    attributes: {
      'http.request.method': method,
      'url.path': path,
      'url.scheme': 'http',
      'server.address': authority,
      'client.address': client,
      'http.response.status_code': status === 0 ? undefined : status,
      'http.response.body.size': octets,
      'error.type': status === 0 || aborted ? 'aborted' : status >= 500 ? String(status) : undefined,
      'sluice.request_id': id,
      // Of a target's URL only the target's name.
      'sluice.server': server?.split(' ', 1)[0],
    },
  };
}
