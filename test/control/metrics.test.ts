import { test } from 'tap';
import { noServerCounts } from '../../src/model/counts.ts';
import { LatencyHistogram } from '../../src/model/latency.ts';
import { eventually } from '../tools/eventually.ts';
import { FakeClock } from '../tools/fake-clock.ts';
import { controlUnderTest, joinRequest, liveServer, tokens } from './control-under-test.ts';

test("/metrics serves the balancer's counts", async (t) => {
  const { ask, registry, live } = await controlUnderTest(t);
  await registry.putEnvironment('production', { variables: { a: 'b' } });
  const hung = { ...noServerCounts.failed, 'head-timeout': 3 };
  live.push(
    liveServer('a', 'production', {
      active: 2,
      requests: 100,
      failures: 3,
      failed: hung,
      statuses: [0, 0, 90, 0, 7, 3],
      upgraded: 1,
      weight: 5,
    }),
  );
  live.push(liveServer('b', 'production', { health: 'down' }));
  const times = new LatencyHistogram();
  for (const ms of [0.1, 3, 3, 100_000]) times.observe(ms);
  live.push(liveServer('c', 'production', { latencies: times }));
  const read = async () => {
    const { status, headers, body } = await ask('GET', '/metrics', { headers: { authorization: '' } });
    t.equal(status, 200);
    t.match(headers.get('content-type') ?? '', /^text\/plain/);
    return new Map<string, number>(
      String(body)
        .split('\n')
        .filter((line) => line !== '' && !line.startsWith('#'))
        .map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.slice(line.lastIndexOf(' ') + 1))]),
    );
  };
  const a = '{environment="production",server="a"}';
  const first = await read();
  t.equal(first.get(`sluice_server_requests_total${a}`), 100);
  t.equal(first.get('sluice_server_failures_total{environment="production",server="a",reason="head-timeout"}'), 3);
  t.equal(first.get('sluice_server_failures_total{environment="production",server="a",reason="reset"}'), 0);
  t.equal(first.get('sluice_server_responses_total{environment="production",server="a",code="2xx"}'), 90);
  t.equal(first.get('sluice_server_responses_total{environment="production",server="a",code="5xx"}'), 3);
  t.equal(first.get(`sluice_server_active_requests${a}`), 2);
  t.equal(first.get(`sluice_server_upgraded_connections${a}`), 1);
  t.equal(first.get(`sluice_server_weight${a}`), 5);
  t.equal(first.get(`sluice_server_up${a}`), 1);
  t.equal(first.get('sluice_server_up{environment="production",server="b"}'), 0);
  const bucket = (le: string) => first.get(`sluice_server_response_head_seconds_bucket{environment="production",server="c",le="${le}"}`);
  t.same(['0.00025', '0.002', '0.004', '65.536', '+Inf'].map(bucket), [1, 1, 3, 3, 4], 'histogram buckets are cumulative');
  t.equal(first.get('sluice_server_response_head_seconds_count{environment="production",server="c"}'), 4);
  t.equal(first.get('sluice_server_response_head_seconds_sum{environment="production",server="c"}'), 100.0061);
  t.equal(first.get('sluice_environment_snapshot_version{environment="production"}'), (await registry.snapshot('production')).version);
  t.equal(first.get('sluice_registry_up'), 1);
  t.equal(first.get('sluice_ready'), 1);
  t.equal(first.get(`sluice_build_info{version="0.0.0-test",node="${process.version}"}`), 1);
  t.ok((first.get('process_resident_memory_bytes') ?? 0) > 1e6);
  t.ok((first.get('process_cpu_seconds_total') ?? 0) > 0);

  live.splice(0, 2, liveServer('a', 'production', { requests: 130 }));
  const second = await read();
  t.equal(second.get(`sluice_server_requests_total${a}`), 130, 'counts are replaced, not added up');
  t.notOk(second.has('sluice_server_up{environment="production",server="b"}'), 'a server that is gone has no series');
});

test('metrics are served without the registry when it does not answer in time', async (t) => {
  const clock = new FakeClock();
  const { ask, registry, live } = await controlUnderTest(t, { clock });
  live.push(liveServer('a', 'production', { requests: 100 }));
  registry.servers = () => new Promise(() => {});
  const answer = { text: undefined as string | undefined };
  const asked = ask('GET', '/metrics').then(({ body }) => {
    answer.text = String(body);
  });
  await eventually(
    async () => {
      await clock.pass(500);
      return answer.text;
    },
    (text) => text !== undefined,
  );
  await asked;
  t.match(answer.text, 'sluice_server_requests_total{environment="production",server="a"} 100\n');
});

test('service discovery lists Sluice gateways only', async (t) => {
  const { ask, registry } = await controlUnderTest(t);
  await registry.putEnvironment('production', {});
  await registry.join(joinRequest('a', 'production'));
  await registry.join(joinRequest('spare'));
  await registry.join({ ...joinRequest('tls', 'production'), ownCertificate: { certificate: 'gw.pem', until: 1_900_000_000_000 } });
  await registry.join({ ...joinRequest('foreign', 'production'), source: 'http' });
  const { status, body } = await ask('GET', '/v1/prometheus/targets', { headers: { authorization: `Bearer ${tokens.join}` } });
  t.equal(status, 200);
  t.strictSame(body, [
    { targets: ['127.0.0.1:9101'], labels: { __metrics_path__: '/.sluice/metrics', environment: 'production', server: 'a' } },
    { targets: ['127.0.0.1:9101'], labels: { __metrics_path__: '/.sluice/metrics', server: 'spare' } },
    {
      targets: ['127.0.0.1:9101'],
      labels: { __scheme__: 'https', __metrics_path__: '/.sluice/metrics', environment: 'production', server: 'tls' },
    },
  ]);
  const { body: metrics } = await ask('GET', '/metrics');
  t.match(metrics, '\nsluice_certificate_expiry_timestamp_seconds{certificate="gw.pem",server="tls"} 1900000000\n');
});
