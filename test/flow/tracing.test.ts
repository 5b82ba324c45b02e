import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, request } from 'node:http';
import { test } from 'tap';
import { deployEcho } from '../tools/echo.ts';
import { eventually } from '../tools/eventually.ts';
import { listening } from '../tools/listening.ts';
import type { Owner } from '../tools/owner.ts';
import { serving, startBalancer, startGateway } from '../tools/sluice-under-test.ts';
import { startCollector } from '../tracing/collector.ts';

const traceId = '4bf92f3577b34da6a3ce929d0e0e4736';
const spanId = '00f067aa0ba902b7';

/** A target that records the header fields of each request. */
async function startTarget(t: Owner): Promise<{ url: string; seen: IncomingHttpHeaders[] }> {
  const seen: IncomingHttpHeaders[] = [];
  const server = createServer(({ headers }, response) => {
    seen.push(headers);
    response.end('done');
  });
  const address = await listening(t, server);
  return { url: `http://${address}`, seen };
}

async function get(url: string, headers: Record<string, string | string[]>): Promise<number | undefined> {
  const sent = request(url, { headers, agent: false }).end();
  const [response] = await once(sent, 'response');
  response.resume();
  await once(response, 'end');
  return response.statusCode;
}

/** Balancer, gateway and the echo project, all with these environment variables. */
async function startAll(t: Owner, variables: Record<string, string>, workers = 0) {
  const target = await startTarget(t);
  const balancer = await startBalancer(t, { workers }, {}, variables);
  const gateway = await startGateway(t, 'a', balancer.control, undefined, { variables });
  await deployEcho(balancer, target.url);
  await serving(balancer, ['a']);
  await eventually(
    () => get(`http://${balancer.address}/echo/first`, {}),
    (status) => status === 200,
  );
  target.seen.length = 0;
  return { target, balancer, gateway, url: `http://${balancer.address}/echo/x` };
}

test('without tracing, trace context passes unchanged, valid or not', async (t) => {
  const { target, url } = await startAll(t, {});
  const traceparent = `00-${traceId}-${spanId}-01`;
  await get(url, { traceparent, tracestate: ['vendor=one', 'other=two'] });
  await get(url, { traceparent: 'nonsense' });
  await get(url, {});
  t.strictSame(
    target.seen.map((headers) => [headers['traceparent'], headers['tracestate']]),
    [
      [traceparent, 'vendor=one, other=two'],
      ['nonsense', undefined],
      [undefined, undefined],
    ],
  );
});

test('with tracing, balancer and gateway each add a span and pass its id on as the parent', async (t) => {
  const collector = await startCollector(t);
  const { target, balancer, gateway, url } = await startAll(t, { OTEL_EXPORTER_OTLP_ENDPOINT: collector.url }, 1);
  await get(url, { traceparent: `00-${traceId}-${spanId}-01`, tracestate: 'vendor=one' });
  await get(url, { traceparent: `00-${'a'.repeat(32)}-${spanId}-00` });
  await get(url, { traceparent: 'nonsense', tracestate: 'vendor=one' });
  // Spans that are still queued are sent at shutdown.
  gateway.signal('SIGTERM');
  t.equal(await gateway.ended(), 0);
  balancer.process.signal('SIGTERM');
  t.equal(await balancer.process.ended(), 0);

  const [known, unsampled, anew] = target.seen.map(({ traceparent, tracestate }) => ({
    parts: String(traceparent).split('-'),
    tracestate,
  }));
  const spansOf = (trace: string | undefined) => collector.spans.filter((span) => span.traceId === trace);
  const [first, second] = ['sluice-balancer', 'sluice-gateway'].map((name) => spansOf(traceId).find(({ service }) => service === name));
  t.equal(spansOf(traceId).length, 2);
  t.match(first, {
    parentSpanId: spanId,
    name: 'GET',
    about: { 'url.path': '/echo/x', 'sluice.server': 'a', 'http.response.status_code': '200' },
  });
  t.match(second, { parentSpanId: first?.spanId, about: { 'sluice.server': 'default' } });
  t.equal(first?.about['sluice.request_id'], second?.about['sluice.request_id']);
  t.strictSame(known, { parts: ['00', traceId, second?.spanId, '01'], tracestate: 'vendor=one' });
  t.ok(BigInt(first?.endTimeUnixNano ?? 0) >= BigInt(first?.startTimeUnixNano ?? 1));

  t.strictSame([unsampled?.parts[1], unsampled?.parts[3]], ['a'.repeat(32), '00']);
  t.strictSame(spansOf('a'.repeat(32)), [], 'an unsampled trace is not recorded');
  t.match(anew?.parts, ['00', /^[0-9a-f]{32}$/, /^[0-9a-f]{16}$/, '01']);
  t.equal(anew?.tracestate, undefined);
  t.equal(spansOf(anew?.parts[1]).length, 2);
  t.notOk(collector.spans.some(({ about }) => about['url.path']?.startsWith('/.sluice/')));
  t.ok(collector.requests.every(({ path }) => path === '/v1/traces'));
});

test('an OTEL_* setting that is not supported is refused with the remedy', async (t) => {
  const started = startBalancer(t, {}, {}, { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:4318', OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc' });
  await t.rejects(started, /OTEL_EXPORTER_OTLP_PROTOCOL is \\"grpc\\": only http\/json is supported/);
});
