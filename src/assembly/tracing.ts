import type { Logger } from 'pino';
import { systemClock } from '../model/clock.ts';
import type { Handler } from '../proxy/contract.ts';
import { readTracing } from '../tracing/settings.ts';
import { SpanExporter } from '../tracing/span-exporter.ts';
import { Tracer } from '../tracing/tracer.ts';
import { version } from './version.ts';

/** Traces of a process. */
export interface Tracing {
  /** The handler itself where nothing is traced. */
  around(handler: Handler): Handler;
  /** Sends what is left. */
  close(): Promise<void>;
}

/** Tracing as the environment variables of this process want it. Rejects what they say with a `SluiceError` if it cannot be followed. */
export function openTracing(service: string, logger: Logger): Tracing {
  const settings = readTracing(process.env, service);
  if (settings === undefined) return { around: (handler) => handler, close: async () => {} };
  const exporter = new SpanExporter({ ...settings, version, clock: systemClock, logger });
  const tracer = new Tracer({ sample: settings.sample, sink: exporter, clock: systemClock });
  return { around: (handler) => tracer.around(handler), close: () => exporter.close() };
}
