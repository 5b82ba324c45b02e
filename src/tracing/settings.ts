import { SluiceError } from '../model/fault.ts';
import { type Sampler, samplerNames, samplerOf } from './sampler.ts';

/** Where spans go, and which. */
export interface TracingSettings {
  /** Takes OTLP over HTTP as JSON. */
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly sample: Sampler;
  /** Of the resource, `service.name` among them. */
  readonly resource: Readonly<Record<string, string>>;
}

type Env = Readonly<Record<string, string | undefined>>;

/**
 * Tracing as OpenTelemetry's own environment variables say (SDK environment variables; OTLP exporter configuration); undefined, and off,
 * unless an endpoint is named. Throws `invalid` for what cannot be followed, naming the variable and the remedy.
 */
export function readTracing(env: Env, service: string): TracingSettings | undefined {
  const url = endpoint(env);
  if (url === undefined || env['OTEL_SDK_DISABLED']?.toLowerCase() === 'true' || env['OTEL_TRACES_EXPORTER'] === 'none') return undefined;
  for (const name of ['OTEL_EXPORTER_OTLP_TRACES_PROTOCOL', 'OTEL_EXPORTER_OTLP_PROTOCOL']) {
    if (env[name] && env[name] !== 'http/json')
      throw invalid(name, env[name], 'spans are sent as http/json, which collectors take at the port of http/protobuf (4318)');
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
  // Not shown: credentials may stand in it.
  if (!URL.canParse(text) || !/^https?:$/.test(new URL(text).protocol))
    throw new SluiceError('invalid', `${name} is no URL of a collector: write for example http://127.0.0.1:4318`);
  return text;
}

function ratio(text: string | undefined): number {
  if (!text) return 1;
  const value = Number(text);
  if (!(value >= 0 && value <= 1)) throw invalid('OTEL_TRACES_SAMPLER_ARG', text, 'write a share from 0 to 1');
  return value;
}

/** `key=value,key2=value2`, with percent-encoded values. */
function pairs(env: Env, variable: string): Record<string, string> {
  const entries = (env[variable] ?? '').split(',').filter((entry) => entry.trim() !== '');
  return Object.fromEntries(
    entries.map((entry) => {
      const [, key, value = ''] = /^\s*([!#$%&'*+.^_`|~0-9A-Za-z-]+)\s*=\s*(.*?)\s*$/.exec(entry) ?? [];
      try {
        if (key !== undefined) return [key, decodeURIComponent(value)];
      } catch {
        // Told below.
      }
      // Its values may be secrets.
      throw new SluiceError('invalid', `${variable} cannot be read: write key=value,key2=value2 with values percent-encoded`);
    }),
  );
}

function withoutName({ 'service.name': _, ...others }: Record<string, string>): Record<string, string> {
  return others;
}

function invalid(variable: string, value: string, remedy: string): SluiceError {
  return new SluiceError('invalid', `${variable} is "${value}": ${remedy}`);
}
