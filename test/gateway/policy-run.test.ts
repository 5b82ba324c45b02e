import t from 'tap';
import type { ExchangeRecord } from '../../src/access-log/contract.ts';
import { Admission } from '../../src/gateway/admission.ts';
import { ConsumerCounts } from '../../src/gateway/consumer-counts.ts';
import { PolicyChain } from '../../src/gateway/policy-chain.ts';
import { PolicyRun } from '../../src/gateway/policy-run.ts';
import type { NamedPolicy, Policy, PolicyAnswer } from '../../src/policies/contract.ts';
import { noPolicies } from '../../src/projects/policy-set.ts';
import type { Route } from '../../src/proxy/contract.ts';
import { FakeExchange } from '../tools/fake-exchange.ts';
import { policyServices } from '../tools/policy-services.ts';

const route = {} as Route;
const admission = new Admission('shop', policyServices(), new ConsumerCounts());

/** Runs these policies of the project on a request for `/shop/pets/a%20b`. */
function run(request: readonly NamedPolicy[], response: readonly NamedPolicy[] = []) {
  const exchange = new FakeExchange('GET', '/shop/pets/a%20b');
  const faults: unknown[] = [];
  const policies = new PolicyChain({ ...noPolicies, proxyRequest: request, proxyResponse: response }, noPolicies);
  exchange.context = { path: exchange.request.path, tail: '', host: undefined };
  const resource = { route, policies, template: '/pets/{petId}', basePath: '/shop', admission };
  const way = new PolicyRun(exchange, resource, { fault: (error) => faults.push(error) });
  way.start();
  return { exchange, faults, way };
}

function policy(step: Policy['run'], first = false): NamedPolicy {
  return { name: 'test', first, answersPreflights: false, run: step };
}

function answer(status: number): PolicyAnswer {
  return { status, headers: {}, body: '' };
}

const record = { status: 200, octets: 1, durationMs: 1, aborted: false, server: 'a' } as ExchangeRecord;

t.test('an answer of one reading is not given where a policy of another refuses', async (t) => {
  const [cached, refusing] = [200, 403].map((status) => {
    const proxyRequest = [policy(() => answer(status))];
    return new PolicyChain(noPolicies, { ...noPolicies, proxyRequest });
  }) as [PolicyChain, PolicyChain];
  const statusOf = (policies: PolicyChain) => {
    const exchange = new FakeExchange('GET', '/');
    new PolicyRun(exchange, { route, policies, template: '/', basePath: '/', admission }).start();
    return exchange.status;
  };
  t.equal(statusOf(cached), 200);
  t.equal(statusOf(cached.joinedWith([refusing])), 403);
  t.equal(statusOf(cached.joinedWith([cached])), 200);
});

t.test('policies that do not wait decide in the same turn', async (t) => {
  const order: number[] = [];
  const step = (number: number) => policy(() => void order.push(number));
  const { exchange } = run([step(1), step(2), policy(() => void order.push(0), true)]);
  t.equal(exchange.route, route);
  t.same(order, [0, 1, 2], 'a policy that runs first does so wherever it is written');
});

t.test('the chain waits for a promise, and only then goes on', async (t) => {
  let decide: (decision: PolicyAnswer | undefined) => void = () => {};
  const waiting = policy(() => new Promise((resolve) => (decide = resolve)));
  const order: string[] = [];
  const passing = run([waiting, policy(() => void order.push('after'))]);
  t.equal(passing.exchange.route, undefined);
  t.same(order, []);
  decide(undefined);
  await Promise.resolve();
  t.same(order, ['after']);
  t.equal(passing.exchange.route, route);
  const refused = run([waiting, policy(() => void order.push('never'))]);
  decide(answer(403));
  await Promise.resolve();
  t.equal(refused.exchange.status, 403);
  t.equal(refused.exchange.route, undefined);
  t.same(order, ['after']);
});

t.test('a policy that throws while the exchange waits for it ends the exchange, and is reported', async (t) => {
  const failing = run([policy(async () => Promise.reject(new Error('broken')))]);
  await new Promise(setImmediate);
  t.match(failing.exchange.failure, { status: 500, code: 'internal' });
  t.match(failing.faults, [{ message: 'broken' }]);
  const later = run([
    policy(async () => undefined),
    policy(() => {
      throw new Error('broken too');
    }),
  ]);
  await new Promise(setImmediate);
  t.match(later.exchange.failure, { status: 500 });
  t.match(later.faults, [{ message: 'broken too' }]);
});

t.test('a policy of the request sees the response and the end, the outermost last', async (t) => {
  const seen: string[] = [];
  const watching = (name: string) =>
    policy((context) => {
      context.onResponse(({ status }) => seen.push(`${name} response ${status}`));
      context.onEnd(({ status }) => seen.push(`${name} end ${status}`));
      return undefined;
    });
  const { exchange, way } = run([watching('outer'), watching('inner')], [policy(() => void seen.push('response policy'))]);
  way.respond();
  exchange.watcher?.settled?.(record);
  t.same(seen, ['response policy', 'inner response 200', 'outer response 200', 'inner end 200', 'outer end 200']);
});

t.test('who watched the exchange before still hears of its end', async (t) => {
  const ended: unknown[] = [];
  const exchange = new FakeExchange('GET', '/');
  exchange.watcher = { ended: (given) => ended.push(given) };
  const policies = new PolicyChain(
    { ...noPolicies, proxyRequest: [policy((context) => context.onEnd(() => {}) as undefined)] },
    noPolicies,
  );
  new PolicyRun(exchange, { route, policies, template: '/', basePath: '/', admission }).start();
  exchange.watcher?.settled?.(record);
  exchange.watcher?.ended?.(record);
  t.same(ended, [record]);
});

t.test('fields for the answer reach a response of the target, and answers made here', async (t) => {
  const fields = policy((context) => {
    context.setAnswerField('access-control-allow-origin', '*');
    context.addAnswerField('vary', 'Origin');
    context.addAnswerField('vary', 'Accept');
    return undefined;
  });
  const { exchange, way } = run([fields]);
  t.same(exchange.moreFields?.toRecord(), { 'access-control-allow-origin': '*', vary: 'Origin, Accept' });
  exchange.response.headers.add('access-control-allow-origin', 'https://other.example');
  exchange.response.headers.add('vary', 'accept-encoding, origin');
  way.respond();
  t.same(exchange.response.headers.all('access-control-allow-origin'), ['*']);
  t.equal(exchange.response.headers.get('vary'), 'accept-encoding, origin, Accept');
});

t.test('path parameters are those of the resource, decoded', async (t) => {
  const values: unknown[] = [];
  run([policy((context) => void values.push(context.parameter('petId'), context.parameter('other')))]);
  t.same(values, ['a b', undefined]);
});
