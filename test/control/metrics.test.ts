import { test } from 'tap';
import { LatencyHistogram } from '../../src/model/latency.ts';
import { controlUnderTest, seen } from './control-under-test.ts';

test('/metrics counts what the balancer counted', async (t) => {
  const { ask, registry, live } = await controlUnderTest(t);
  await registry.putEnvironment('production', { variables: { a: 'b' } });
  live.push(seen('a', 'production', { active: 2, requests: 100, failures: 3, statuses: [0, 0, 90, 0, 7, 3], upgraded: 1, weight: 5 }));
  live.push(seen('b', 'production', { health: 'down' }));
  const times = new LatencyHistogram();
  for (const ms of [0.1, 3, 3, 100_000]) times.observe(ms);
  live.push(seen('c', 'production', { latencies: times }));
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
  t.equal(first.get(`sluice_server_failures_total${a}`), 3);
  t.equal(first.get('sluice_server_responses_total{environment="production",server="a",code="2xx"}'), 90);
  t.equal(first.get('sluice_server_responses_total{environment="production",server="a",code="5xx"}'), 3);
  t.equal(first.get(`sluice_server_active_requests${a}`), 2);
  t.equal(first.get(`sluice_server_upgraded_connections${a}`), 1);
  t.equal(first.get(`sluice_server_weight${a}`), 5);
  t.equal(first.get(`sluice_server_up${a}`), 1);
  t.equal(first.get('sluice_server_up{environment="production",server="b"}'), 0);
  const bucket = (le: string) => first.get(`sluice_server_response_head_seconds_bucket{le="${le}",environment="production",server="c"}`);
  t.same(['0.00025', '0.002', '0.004', '65.536', '+Inf'].map(bucket), [1, 1, 3, 3, 4], 'times are counted up to each bound');
  t.equal(first.get('sluice_server_response_head_seconds_count{environment="production",server="c"}'), 4);
  t.equal(first.get('sluice_server_response_head_seconds_sum{environment="production",server="c"}'), 100.0061);
  t.equal(first.get('sluice_environment_snapshot_version{environment="production"}'), (await registry.snapshot('production')).version);
  t.equal(first.get('sluice_registry_up'), 1);
  t.equal(first.get('sluice_ready'), 1);
  t.equal(first.get('sluice_build_info{version="0.0.0-test"}'), 1);
  t.ok((first.get('process_resident_memory_bytes') ?? 0) > 1e6);
  t.ok((first.get('process_cpu_seconds_total') ?? 0) > 0);

  live.splice(0, 2, seen('a', 'production', { requests: 130 }));
  const second = await read();
  t.equal(second.get(`sluice_server_requests_total${a}`), 130, 'read anew, not added up');
  t.notOk(second.has('sluice_server_up{environment="production",server="b"}'), 'who is gone is not counted on');
});
