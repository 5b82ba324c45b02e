/** A server span: one exchange within a trace. */
export interface Span {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId: string | undefined;
  readonly name: string;
  /** Start and end by the wall clock, in milliseconds since 1970. */
  readonly startedAt: number;
  readonly endedAt: number;
  /** The exchange ended without a response, was broken off, or got a 5xx status. */
  readonly failed: boolean;
  readonly attributes: Readonly<Record<string, string | number | boolean | undefined>>;
}

/** Spans of one resource as an OTLP request in JSON (opentelemetry-proto, `ExportTraceServiceRequest`). */
export function exportRequest(spans: readonly Span[], resource: Readonly<Record<string, string>>, version: string): string {
  const scopeSpans = [{ scope: { name: 'sluice', version }, spans: spans.map(inOtlp) }];
  return JSON.stringify({ resourceSpans: [{ resource: { attributes: attributesOf(resource) }, scopeSpans }] });
}

const kindServer = 2;
const statusError = 2;

function inOtlp({ traceId, spanId, parentSpanId, name, startedAt, endedAt, failed, attributes }: Span): object {
  return {
    traceId,
    spanId,
    ...(parentSpanId !== undefined && { parentSpanId }),
    name,
    kind: kindServer,
    startTimeUnixNano: nanoseconds(startedAt),
    endTimeUnixNano: nanoseconds(endedAt),
    attributes: attributesOf(attributes),
    status: failed ? { code: statusError } : {},
  };
}

/** Nanoseconds as text, because a number of this size is not exact. */
function nanoseconds(ms: number): string {
  return `${Math.round(ms * 1000)}000`;
}

function attributesOf(attributes: Span['attributes']): object[] {
  return Object.entries(attributes).flatMap(([key, value]) => (value === undefined ? [] : [{ key, value: anyValue(value) }]));
}

function anyValue(value: string | number | boolean): object {
  if (typeof value === 'string') return { stringValue: value };
  if (typeof value === 'boolean') return { boolValue: value };
  return Number.isInteger(value) ? { intValue: String(value) } : { doubleValue: value };
}
