import t from 'tap';
import { Circuit, type Pass } from '../../src/policies/circuit.ts';
import type { NamedPolicy } from '../../src/policies/contract.ts';
import { FakeClock } from '../tools/fake-clock.ts';
import { keptLogger } from '../tools/fake-logger.ts';
import fc from '../tools/fast-check.ts';
import { policyServices } from '../tools/policy-services.ts';
import { FakeContext, faultsOf, policyOf } from './run-policy.ts';
import { serveProject } from './served-project.ts';

const settings = { failures: 3, window: 10_000, rate: 50, open: 5000 };

t.test('a circuit opens by number and rate of failures within the window, and one probe decides', async (t) => {
  const circuit = new Circuit();
  const request = (now: number, failed: boolean) => {
    const pass = circuit.admit(now);
    return typeof pass === 'number' ? pass : circuit.judge(pass, failed, now, settings);
  };
  for (const now of [0, 10, 20, 30]) t.equal(request(now, false), false);
  for (const now of [40, 50, 60]) t.equal(request(now, true), false, 'three of seven are less than half');
  t.equal(request(70, true), true, 'four of eight open it');
  t.equal(request(71, false), 4999);
  t.equal(request(5069, false), 1);
  const probe = circuit.admit(5070) as Pass;
  t.equal(probe.probe, true);
  t.equal(circuit.admit(5070), 0, 'there is one probe');
  t.equal(circuit.judge(probe, true, 6000, settings), false);
  t.equal(circuit.admit(6001), 4999, 'its failure opens the circuit for as long again');
  const left = circuit.admit(11_000) as Pass;
  circuit.forget(left);
  const second = circuit.admit(11_001) as Pass;
  t.equal(circuit.judge(left, false, 11_002, settings), false, 'a probe that was given up decides nothing');
  t.equal(circuit.judge(second, false, 11_003, settings), true);
  t.equal(circuit.isOpen, false);
  t.equal(request(11_004, true), false, 'failures before count no more');
  t.equal(request(11_005, true), false);
  t.equal(request(22_000, true), false, 'nor do those that are older than the window');
  t.equal(request(22_001, true), false);
  t.equal(request(22_002, true), true);
});

t.test('an open circuit lets exactly one request of each period pass, whatever the order of outcomes', async () => {
  const step = fc.record({ pause: fc.nat(3000), act: fc.constantFrom('admit', 'fail', 'succeed', 'forget'), which: fc.nat(20) });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
      const circuit = new Circuit();
      const passes: Pass[] = [];
      let now = 1;
      for (const { pause, act, which } of steps) {
        now += pause;
        if (act === 'admit') {
          const wasOpen = circuit.isOpen;
          const pass = circuit.admit(now);
          if (typeof pass === 'number' && !wasOpen) throw new Error('a closed circuit refused');
          if (typeof pass !== 'number' && wasOpen && !pass.probe) throw new Error('an open circuit let an ordinary request pass');
          if (typeof pass !== 'number') passes.push(pass);
          continue;
        }
        const [pass] = passes.splice(which % Math.max(1, passes.length), 1);
        if (pass === undefined) continue;
        if (act === 'forget') circuit.forget(pass);
        else circuit.judge(pass, act === 'fail', now, settings);
        if (passes.filter(({ probe }) => probe).length > 1) throw new Error('two probes');
      }
    }),
    { numRuns: 500 },
  );
});

t.test('circuitBreaker: refuses while the target fails, also after another deploy', async (t) => {
  const clock = new FakeClock();
  const { logger, lines } = keptLogger();
  const breaker = { circuitBreaker: { failures: 2, window: '10s', open: '5s' } };
  const project = (path: string) => ({
    targets: { default: { url: '${variables.backend}' }, gone: { url: 'http://127.0.0.1:1' } },
    resources: [
      { path, policies: { proxyRequest: [breaker] } },
      { path: '/slow', timeouts: { responseHead: '20ms' }, policies: { proxyRequest: [breaker] } },
      { path: '/gone', target: 'gone', policies: { proxyRequest: [breaker] } },
      { path: '/guarded', policies: { proxyRequest: [breaker, { apiKey: { keys: ['k'] } }] } },
    ],
  });
  const shop = await serveProject(t, project('/a'), policyServices({ clock, logger }));
  const statusesOf = async (path: string, count: number) => {
    const statuses: number[] = [];
    for (let left = count; left > 0; left--) statuses.push((await shop.send('POST', `/shop${path}`)).status);
    return statuses;
  };
  shop.answer = (_, response) => void response.writeHead(500).end();
  t.same(await statusesOf('/a', 3), [500, 500, 503]);
  const refused = await shop.send('GET', '/shop/a');
  t.match(refused, { status: 503, headers: { 'retry-after': '5' }, body: /"circuit-open"/ });
  t.same(await statusesOf('/gone', 3), [502, 502, 503], 'each place has its own, and no response is a failure');
  t.same(await statusesOf('/guarded', 4), [401, 401, 401, 401], 'answers of policies are none');
  t.equal(shop.arrived.length, 2);
  shop.redeploy(project('/a'));
  t.same(await statusesOf('/a', 1), [503]);
  await clock.pass(5000);
  t.same(await statusesOf('/a', 2), [500, 503], 'the probe fails');
  await clock.pass(5000);
  shop.answer = (_, response) => void response.end('ok');
  t.same(await statusesOf('/a', 3), [200, 200, 200]);
  shop.answer = () => {};
  t.same(await statusesOf('/slow', 3), [504, 504, 503], 'a response that comes too late is a failure');
  t.match(
    lines.map(({ msg }) => msg),
    ['circuit opened: the target fails', /opened/, 'circuit closed: the target answers again', /opened/],
  );
  shop.redeploy({});
  await clock.pass(60_000);
  shop.redeploy(project('/a'));
  t.same(await statusesOf('/slow', 1), [504], 'what is served no more is forgotten after a minute');
});

t.test('circuitBreaker: a probe whose client leaves makes room for the next', async (t) => {
  const clock = new FakeClock();
  const policy = policyOf({ circuitBreaker: { failures: 1, open: '1s' } }, 'proxyRequest', policyServices({ clock })) as NamedPolicy;
  const ask = () => {
    const context = new FakeContext();
    return { context, answer: policy.run(context) };
  };
  policy.begin?.();
  ask().context.ends({ status: 502, blame: 'target' });
  t.match(ask().answer, { status: 503 });
  await clock.pass(1000);
  const probe = ask();
  t.equal(probe.answer, undefined);
  t.match(ask().answer, { status: 503, headers: { 'retry-after': '1' } });
  probe.context.ends({ status: 0, aborted: true });
  const next = ask();
  t.equal(next.answer, undefined);
  next.context.ends({ status: 503, blame: 'shortage' });
  const third = ask();
  t.equal(third.answer, undefined, 'a shortage of this server says nothing about the target');
  third.context.answers(204);
  third.context.ends({ status: 204 });
  t.equal(ask().answer, undefined);
});

t.test('circuitBreaker: faulty settings are refused', async (t) => {
  for (const settings of [
    { failures: 0 },
    { failures: 1.5 },
    { rate: 0 },
    { rate: 101 },
    { window: 0 },
    { window: '0s' },
    { open: '0ms' },
    { open: 30 },
    { fails: 3 },
  ])
    t.match(
      faultsOf({ circuitBreaker: settings }).join(),
      new RegExp(`circuitBreaker\\.${Object.keys(settings)[0]}`),
      JSON.stringify(settings),
    );
  t.same(faultsOf({ circuitBreaker: {} }), []);
  t.match(faultsOf({ circuitBreaker: {} }, 'targetRequest'), [/cannot run at targetRequest/]);
});
