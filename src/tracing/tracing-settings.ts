import { SluiceError } from '../model/fault.ts';
import { tokenCharacter } from '../model/http-names.ts';
import { type Sampler, samplerNames, samplerOf } from './sampler.ts';

/** Destination, sampling and resource attributes of spans. */
export interface TracingSettings {
  /** URL of a collector that takes OTLP over HTTP as JSON. */
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly sample: Sampler;
  /** Resource attributes, `service.name` included. */
  readonly resource: Readonly<Record<string, string>>;
}

type Env = Readonly<Record<string, string | undefined>>;

/**
 * Reads OpenTelemetry's environment variables (SDK environment variables; OTLP exporter configuration). Undefined, and tracing off, unless
 * an endpoint is set. Throws a `SluiceError` (`invalid`) for a value that is not supported, with the variable and the remedy.
 */
export function readTracing(env: Env, service: string): TracingSettings | undefined {
  const url = endpoint(env);
  if (url === undefined || env['OTEL_SDK_DISABLED']?.toLowerCase() === 'true' || env['OTEL_TRACES_EXPORTER'] === 'none') return undefined;
  for (const name of ['OTEL_EXPORTER_OTLP_TRACES_PROTOCOL', 'OTEL_EXPORTER_OTLP_PROTOCOL']) {
    if (env[name] && env[name] !== 'http/json')
      throw invalid(name, env[name], 'only http/json is supported; collectors take it at the port of http/protobuf (4318)');
  }
  const name = env['OTEL_TRACES_SAMPLER'] || 'parentbased_always_on';
  if (!samplerNames.includes(name)) throw invalid('OTEL_TRACES_SAMPLER', name, `write one of ${samplerNames.join(', ')}`);
  const resource = pairs(env, 'OTEL_RESOURCE_ATTRIBUTES');
  return {
    url,
    headers: { ...pairs(env, 'OTEL_EXPORTER_OTLP_HEADERS'), ...pairs(env, 'OTEL_EXPORTER_OTLP_TRACES_HEADERS') },
    sample: samplerOf(name, ratio(env['OTEL_TRACES_SAMPLER_ARG'])),
    resource: { 'service.name': env['OTEL_SERVICE_NAME'] || resource['service.name'] || service, ...withoutName(resource) },
  };
}

function endpoint(env: Env): string | undefined {
  const traces = env['OTEL_EXPORTER_OTLP_TRACES_ENDPOINT'];
  const base = env['OTEL_EXPORTER_OTLP_ENDPOINT'];
  if (!traces && !base) return undefined;
  const [name, text] = traces
    ? ['OTEL_EXPORTER_OTLP_TRACES_ENDPOINT', traces]
    : ['OTEL_EXPORTER_OTLP_ENDPOINT', `${base?.replace(/\/$/, '')}/v1/traces`];
  // The value is not shown, since it may contain credentials.
  if (!URL.canParse(text) || !/^https?:$/.test(new URL(text).protocol))
    throw new SluiceError('invalid', `${name} is not the URL of a collector: write for example http://127.0.0.1:4318`);
  return text;
}

function ratio(text: string | undefined): number {
  if (!text) return 1;
  const value = Number(text);
  if (!(value >= 0 && value <= 1)) throw invalid('OTEL_TRACES_SAMPLER_ARG', text, 'write a number from 0 to 1');
  return value;
}

const pair = new RegExp(`^\\s*(${tokenCharacter}+)\\s*=\\s*(.*?)\\s*$`);

/** Parses `key=value,key2=value2` with percent-encoded values. */
function pairs(env: Env, variable: string): Record<string, string> {
  const entries = (env[variable] ?? '').split(',').filter((entry) => entry.trim() !== '');
  return Object.fromEntries(
    entries.map((entry) => {
      const [, key, value = ''] = pair.exec(entry) ?? [];
      try {
        if (key !== undefined) return [key, decodeURIComponent(value)];
      } catch {
        // Reported below, as for a missing key.
      }
      // The value is not shown, since it may contain secrets.
      throw new SluiceError('invalid', `${variable} cannot be parsed: write key=value,key2=value2 with percent-encoded values`);
    }),
  );
}

function withoutName({ 'service.name': _, ...others }: Record<string, string>): Record<string, string> {
  return others;
}

function invalid(variable: string, value: string, remedy: string): SluiceError {
  return new SluiceError('invalid', `${variable} is "${value}": ${remedy}`);
}
