import type { Logger } from 'pino';
import { systemClock } from '../model/clock.ts';
import type { Handler } from '../proxy/contract.ts';
import { SpanExporter } from '../tracing/span-exporter.ts';
import { Tracer } from '../tracing/tracer.ts';
import { readTracing } from '../tracing/tracing-settings.ts';
import { version } from './version.ts';

/** Tracing of a process. */
export interface Tracing {
  /** Wraps a handler so that its exchanges are traced; returns it unchanged while tracing is off. */
  around(handler: Handler): Handler;
  /** Sends the queued spans. */
  close(): Promise<void>;
}

/** Starts tracing as the OTEL_ environment variables of this process say. Throws a `SluiceError` for a value that is not supported. */
export function openTracing(service: string, logger: Logger): Tracing {
  const settings = readTracing(process.env, service);
  if (settings === undefined) return { around: (handler) => handler, close: async () => {} };
  const exporter = new SpanExporter({ ...settings, version, clock: systemClock, logger });
  const tracer = new Tracer({ sample: settings.sample, sink: exporter, clock: systemClock });
  return { around: (handler) => tracer.around(handler), close: () => exporter.close() };
}
