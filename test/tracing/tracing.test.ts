import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import t from 'tap';
import type { ExchangeRecord } from '../../src/access-log/contract.ts';
import type { Exchange } from '../../src/proxy/contract.ts';
import { samplerNames, samplerOf } from '../../src/tracing/sampler.ts';
import type { Span } from '../../src/tracing/span.ts';
import { SpanExporter } from '../../src/tracing/span-exporter.ts';
import { formatTraceparent, parseTraceparent } from '../../src/tracing/trace-context.ts';
import { Tracer } from '../../src/tracing/tracer.ts';
import { readTracing } from '../../src/tracing/tracing-settings.ts';
import { FakeClock } from '../tools/fake-clock.ts';
import { FakeExchange } from '../tools/fake-exchange.ts';
import { keptLogger } from '../tools/fake-logger.ts';
import { startCollector } from './collector.ts';

const traceId = '4bf92f3577b34da6a3ce929d0e0e4736';
const spanId = '00f067aa0ba902b7';

t.test('a valid traceparent is parsed, anything else begins a new trace', async (t) => {
  t.strictSame(parseTraceparent(`00-${traceId}-${spanId}-01`), { traceId, spanId, sampled: true });
  t.strictSame(parseTraceparent(`00-${traceId}-${spanId}-02`), { traceId, spanId, sampled: false });
  t.strictSame(parseTraceparent(`cc-${traceId}-${spanId}-03-what-comes-later`), { traceId, spanId, sampled: true }, 'a later version');
  const invalid = [
    undefined,
    '',
    'nonsense',
    `ff-${traceId}-${spanId}-01`,
    `00-${'0'.repeat(32)}-${spanId}-01`,
    `00-${traceId}-${'0'.repeat(16)}-01`,
    `00-${traceId.toUpperCase()}-${spanId}-01`,
    `00-${traceId}-${spanId}-01-more`,
    `cc-${traceId}-${spanId}-01more`,
    `00-${traceId}-${spanId}-1`,
    `00-${traceId}-${spanId}`,
    `00-${traceId}-${spanId}-01, 00-${traceId}-${spanId}-01`,
  ];
  for (const text of invalid) t.equal(parseTraceparent(text), undefined, String(text));
  t.equal(formatTraceparent({ traceId, spanId, sampled: false }), `00-${traceId}-${spanId}-00`);
});

t.test('each sampler decides as OpenTelemetry defines', async (t) => {
  const sampled = { traceId, spanId, sampled: true };
  const decide = (name: string, ratio: number, parent = undefined as typeof sampled | undefined) => samplerOf(name, ratio)(traceId, parent);
  t.equal(decide('always_on', 0), true);
  t.equal(decide('always_off', 1, sampled), false);
  t.equal(decide('parentbased_always_off', 1, sampled), true);
  t.equal(decide('parentbased_always_on', 1, { ...sampled, sampled: false }), false);
  t.equal(decide('parentbased_traceidratio', 0), false);
  t.equal(decide('traceidratio', 1), true);
  t.equal(samplerNames.length, 6);
  const sample = samplerOf('traceidratio', 0.25);
  const ids = Array.from({ length: 4096 }, (_, index) => (index * 16).toString(16).padStart(4, '0') + 'f'.repeat(9));
  t.equal(ids.filter((end) => sample('0'.repeat(19) + end, undefined)).length, 1024, 'a quarter of evenly spread trace ids');
});

t.test("settings come from OpenTelemetry's environment variables", async (t) => {
  const read = (env: Record<string, string>) => readTracing(env, 'sluice-gateway');
  t.equal(read({}), undefined, 'off by default');
  const base = { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:4318/' };
  t.match(read(base), { url: 'http://127.0.0.1:4318/v1/traces', resource: { 'service.name': 'sluice-gateway' }, headers: {} });
  t.equal(read({ ...base, OTEL_SDK_DISABLED: 'true' }), undefined);
  t.equal(read({ ...base, OTEL_TRACES_EXPORTER: 'none' }), undefined);
  t.match(
    read({
      OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'https://collector.example.com/here',
      OTEL_EXPORTER_OTLP_HEADERS: 'authorization=Bearer%20abc, x-tenant=one',
      OTEL_SERVICE_NAME: 'edge',
      OTEL_RESOURCE_ATTRIBUTES: 'service.name=other,deployment.environment=test',
    }),
    {
      url: 'https://collector.example.com/here',
      headers: { authorization: 'Bearer abc', 'x-tenant': 'one' },
      resource: { 'service.name': 'edge', 'deployment.environment': 'test' },
    },
  );
  const refused: [Record<string, string>, RegExp][] = [
    [{ OTEL_EXPORTER_OTLP_ENDPOINT: 'here' }, /^OTEL_EXPORTER_OTLP_ENDPOINT is not the URL of a collector: write/],
    [{ OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'ftp://user:secret@here' }, /^OTEL_EXPORTER_OTLP_TRACES_ENDPOINT is not the URL(?!.*secret)/],
    [{ ...base, OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc' }, /^OTEL_EXPORTER_OTLP_PROTOCOL is "grpc": only http\/json is supported/],
    [{ ...base, OTEL_TRACES_SAMPLER: 'some' }, /^OTEL_TRACES_SAMPLER is "some": write one of always_on/],
    [{ ...base, OTEL_TRACES_SAMPLER_ARG: '2' }, /^OTEL_TRACES_SAMPLER_ARG is "2": write a number/],
    [{ ...base, OTEL_EXPORTER_OTLP_HEADERS: 'secret' }, /^OTEL_EXPORTER_OTLP_HEADERS cannot be parsed(?!.*secret)/],
    [{ ...base, OTEL_EXPORTER_OTLP_HEADERS: 'a=%zz' }, /^OTEL_EXPORTER_OTLP_HEADERS cannot be parsed/],
  ];
  for (const [env, message] of refused) t.throws(() => read(env), { code: 'invalid', message });
});

const record: ExchangeRecord = {
  id: 'request-1',
  client: '192.0.2.1',
  method: 'GET',
  scheme: 'http',
  authority: 'api.example.com',
  target: '/shop?key=secret',
  minor: 1,
  status: 200,
  octets: 10,
  durationMs: 1.5,
  server: 'default http://10.0.0.1/secret',
  referer: undefined,
  userAgent: undefined,
  aborted: false,
};

t.test('an exchange becomes a span, and the next server gets it as parent', async (t) => {
  const spans: Span[] = [];
  const clock = new FakeClock();
  const tracer = new Tracer({ sample: samplerOf('parentbased_always_on', 1), sink: { add: (span) => void spans.push(span) }, clock });
  const faults: unknown[] = [];
  const handler = tracer.around({ request: () => {}, fault: (error) => void faults.push(error) });
  const pass = (headers: Record<string, string>, path = '/shop?key=secret') => {
    const exchange: Exchange = new FakeExchange('GET', path, headers);
    handler.request(exchange);
    return {
      watcher: exchange.watcher,
      sent: exchange.request.headers.get('traceparent'),
      state: exchange.request.headers.get('tracestate'),
    };
  };
  const child = pass({ traceparent: `00-${traceId}-${spanId}-01`, tracestate: 'a=b' });
  child.watcher?.ended?.(record);
  t.match(spans[0], { traceId, parentSpanId: spanId, name: 'GET', startedAt: clock.date(), endedAt: clock.date() + 1.5, failed: false });
  t.equal(child.sent, `00-${traceId}-${spans[0]?.spanId}-01`);
  t.equal(child.state, 'a=b');
  t.match(spans[0]?.attributes, { 'url.path': '/shop', 'http.response.status_code': 200, 'sluice.server': 'default' });
  t.notMatch(JSON.stringify(spans), /secret/);

  const quiet = pass({ traceparent: `00-${traceId}-${spanId}-00` });
  t.equal(quiet.watcher, undefined);
  t.match(quiet.sent, new RegExp(`^00-${traceId}-[0-9a-f]{16}-00$`), 'the decision not to sample is passed on');
  const anew = pass({ traceparent: 'broken', tracestate: 'a=b' });
  t.match(anew.sent, /^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/);
  t.equal(anew.state, undefined, 'tracestate is dropped when a new trace begins');
  for (const [ended, type] of [
    [{ status: 502 }, '502'],
    [{ status: 0 }, 'aborted'],
    [{ status: 200, aborted: true }, 'aborted'],
  ] as const) {
    anew.watcher?.ended?.({ ...record, ...ended });
    t.match(spans.at(-1), { failed: true, attributes: { 'error.type': type } });
  }
  const check = pass({}, '/.sluice/ready');
  t.strictSame([check.sent, check.watcher], [undefined, undefined], 'health checks are not traced');
  handler.fault('a bug', undefined);
  t.strictSame(faults, ['a bug']);
});

function exporterTo(url: string) {
  const clock = new FakeClock();
  const { logger, lines } = keptLogger();
  const exporter = new SpanExporter({
    url,
    headers: { 'x-tenant': 'one' },
    resource: { 'service.name': 's' },
    version: '1',
    clock,
    logger,
  });
  return { clock, lines, exporter };
}

const span: Span = { traceId, spanId, parentSpanId: undefined, name: 'GET', startedAt: 1, endedAt: 2, failed: false, attributes: {} };

t.test('spans are sent in batches, one request at a time', async (t) => {
  const collector = await startCollector(t);
  const { exporter, lines } = exporterTo(collector.url);
  for (let index = 0; index < 1000; index++) exporter.add(span);
  await exporter.close();
  t.equal(collector.spans.length, 1000);
  t.equal(collector.requests.length, 2);
  t.match(collector.requests[0]?.headers, { 'content-type': 'application/json', 'x-tenant': 'one' });
  t.match(collector.spans[0], { kind: 2, startTimeUnixNano: '1000000', endTimeUnixNano: '2000000', status: {}, service: 's' });
  t.strictSame(lines, []);
});

t.test('an incomplete batch is sent after 5 s', async (t) => {
  const collector = await startCollector(t);
  const { exporter, clock } = exporterTo(collector.url);
  exporter.add(span);
  t.equal(clock.pending, 1);
  await clock.pass(5_000);
  await exporter.close();
  t.equal(collector.spans.length, 1);
  t.equal(clock.pending, 0);
});

t.test('a missing, refusing or hanging collector costs only spans', async (t) => {
  const collector = await startCollector(t);
  const { exporter, lines, clock } = exporterTo(collector.url);
  let held = 0;
  collector.answer = () => {
    held++;
  };
  const before = process.memoryUsage().heapUsed;
  for (let index = 0; index < 100_000; index++) exporter.add({ ...span });
  t.comment(`${Math.round((process.memoryUsage().heapUsed - before) / 1024)} KiB for queued spans`);
  collector.answer = (response) => void response.writeHead(503).end();
  const closed = exporter.close();
  t.ok(held <= 1, 'one request at a time');
  const absent = createServer().listen(0, '127.0.0.1');
  await once(absent, 'listening');
  const { port } = absent.address() as AddressInfo;
  absent.close();
  await once(absent, 'close');
  const other = exporterTo(`http://127.0.0.1:${port}`);
  other.exporter.add(span);
  await other.exporter.close();
  t.match(other.lines, [{ msg: /dropped; traffic is not affected/, reason: /ECONNREFUSED/ }]);
  await closed;
  t.equal(collector.spans.length, 512, 'the exporter gives up after the first request');
  t.match(lines, [{ reason: 'the collector answered with status 503' }], 'logged once');
  collector.answer = (response) => void response.end();
  await clock.pass(10_000);
  await exporter.close();
});

t.test('close gives up on a hanging collector after 2 s', async (t) => {
  const collector = await startCollector(t);
  const { exporter, clock, lines } = exporterTo(collector.url);
  const asked = new Promise<void>((resolve) => {
    collector.answer = () => resolve();
  });
  for (let index = 0; index < 600; index++) exporter.add(span);
  await asked;
  const closed = exporter.close();
  await clock.pass(2_000);
  await closed;
  t.equal(collector.requests.length, 1);
  t.match(lines, [{ msg: /dropped/ }]);
});
