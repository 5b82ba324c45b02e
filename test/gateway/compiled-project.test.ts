import t from 'tap';
import { type CompiledProject, compileProject } from '../../src/gateway/compiled-project.ts';
import { GatewayHandler } from '../../src/gateway/gateway-handler.ts';
import { ProjectTable } from '../../src/gateway/project-table.ts';
import { SluiceError } from '../../src/model/fault.ts';
import type { ProjectInput } from '../../src/model/project.ts';
import type { Upstream } from '../../src/proxy/upstream.ts';
import { FakeExchange } from '../tools/fake-exchange.ts';
import { keptLogger } from '../tools/fake-logger.ts';
import { memoryInUse } from '../tools/memory.ts';
import { policyServices } from '../tools/policy-services.ts';
import { deployed } from './samples.ts';

type Input = Partial<ProjectInput>;

function compile(input: Input, variables: Record<string, string> = {}, previous?: CompiledProject): CompiledProject {
  return compileProject(deployed({ name: 'shop', ...input }), { origin: { epoch: 'e', variables }, services: policyServices(), previous });
}

function faults(input: Input, variables: Record<string, string> = {}): string[] {
  try {
    compile(input, variables);
  } catch (error) {
    if (error instanceof SluiceError && error.code === 'invalid') return error.faults.map(({ path, message }) => `${path}: ${message}`);
    throw error;
  }
  return [];
}

function exchangeWith(project: CompiledProject, target: string, method = 'GET'): FakeExchange {
  const exchange = new FakeExchange(method, target);
  new GatewayHandler({ table: new ProjectTable([project]), ready: true }, keptLogger().logger).request(exchange);
  return exchange;
}

t.test('the target URL, base path and request path make the forwarded URL', async (t) => {
  const sent = (url: string, target: string, rest: Input = {}) =>
    exchangeWith(compile({ targets: { default: { url } }, ...rest }), target).sentTo();
  t.equal(sent('http://10.0.0.1:9201/api', '/shop/a/b?x=%2F'), 'http://10.0.0.1:9201/api/a/b?x=%2F (10.0.0.1:9201)');
  t.equal(sent('http://10.0.0.1:9201/api', '/shop'), 'http://10.0.0.1:9201/api (10.0.0.1:9201)');
  t.equal(sent('http://10.0.0.1:9201/api/', '/shop?q'), 'http://10.0.0.1:9201/api/?q (10.0.0.1:9201)');
  t.equal(sent('http://10.0.0.1:9201/api/', '/shop/'), 'http://10.0.0.1:9201/api/ (10.0.0.1:9201)');
  t.equal(sent('http://10.0.0.1:9201', '/shop'), 'http://10.0.0.1:9201/ (10.0.0.1:9201)');
  t.equal(
    sent('http://10.0.0.1:9201', '/shop/a/../b//c%2fd', { encodedSlashes: 'keep' }),
    'http://10.0.0.1:9201/b/c%2Fd (10.0.0.1:9201)',
    'the normalised path is forwarded',
  );
  t.equal(
    sent('http://10.0.0.1:9201', '/shop/%40x/caf%e9', { basePath: '/sh%6Fp/@x' }),
    'http://10.0.0.1:9201/caf%E9 (10.0.0.1:9201)',
    'also below a base path in another spelling',
  );
  t.equal(
    sent('http://10.0.0.1:9201', '/shop/fetch/https://example.com//a/../b/?q', { mergeSlashes: false }),
    'http://10.0.0.1:9201/fetch/https://example.com//b/?q (10.0.0.1:9201)',
    'with every slash, if slashes are not merged',
  );
  t.equal(sent('http://10.0.0.1/api', '/shop/a', { forwardBasePath: true }), 'http://10.0.0.1:80/api/shop/a (10.0.0.1)');
  t.equal(sent('https://api.example.org', '/shop/a'), 'https://api.example.org:443/a (api.example.org)');
  t.equal(sent('https://[::1]:8443/x', '/shop/a'), 'https://::1:8443/x/a ([::1]:8443)');
  t.equal(sent('http://10.0.0.1', '/a', { basePath: '/' }), 'http://10.0.0.1:80/a (10.0.0.1)');
});

t.test('variables are replaced once; faults name the reference and not the value', async (t) => {
  const project = compile(
    { targets: { default: { url: '${variables.backend}/${variables.stage}' } } },
    { backend: 'http://10.0.0.9:1', stage: 'a' },
  );
  t.equal(exchangeWith(project, '/shop/x').sentTo(), 'http://10.0.0.9:1/a/x (10.0.0.9:1)');
  const url = (text: string, variables: Record<string, string> = {}) => faults({ targets: { default: { url: text } } }, variables);
  t.match(url('http://${variables.nowhere}/'), [/^targets\.default\.url: the environment has no variable "nowhere"/]);
  t.match(url('http://${variables.toString}/'), [/no variable "toString"/]);
  t.match(url('http://${env.HOME}/'), [/"\$\{env\.HOME\}" is not a reference to a variable/]);
  t.match(url('${variables.backend}', { backend: 'ftp://user:secret@x' }), [
    /^targets\.default\.url: "\$\{variables\.backend\}" does not make/,
  ]);
  t.notMatch(url('${variables.backend}', { backend: 'ftp://user:secret@x' }).join(), /secret/);
  t.match(url('${variables.a}', { a: '${variables.b}', b: 'http://x' }), [/does not make/], 'references inside values are not replaced');
});

t.test('all faults are reported together, each with its place', async (t) => {
  const found = faults({
    basePath: '/%zz',
    targets: {
      default: { url: '${variables.a}' },
      spare: { urls: [{ url: 'http://x' }, { url: 'http://x/' }], failover: 'default' },
      zero: { urls: [{ url: 'http://y', weight: 0 }] },
    },
    resources: [
      { path: '/a' },
      { path: '/a', methods: ['GET'] },
      { path: '/{a}{b}', policies: { targetRequest: [{ headers: { set: { 'x-y': '${variables.b}' } } }] } },
    ],
    policies: { proxyRequest: [{ nonsense: {} }] },
  });
  const places = [
    'basePath',
    'targets.default.url',
    'targets.spare.urls.1.url',
    'targets.zero',
    'policies.proxyRequest.0.nonsense',
    'resources.1.path',
    'resources.2.path',
    'resources.2.policies.targetRequest.0.headers.set.x-y',
  ];
  t.same(
    found.map((fault) => fault.slice(0, fault.indexOf(': '))),
    places,
  );
  t.match(faults({ basePath: '/.sluice/x' }), [/reserved for Sluice/]);
  t.same(faults({ basePath: '/.sluices' }), []);
});

t.test('URLs share requests by weight, and the failover target comes after them', async (t) => {
  const project = compile({
    targets: {
      default: {
        urls: [
          { url: 'http://a/1', weight: 3 },
          { url: 'http://b/2', weight: 1 },
          { url: 'http://z', weight: 0 },
        ],
        failover: 'spare',
      },
      spare: { url: 'http://c/3', failover: 'last' },
      last: { url: 'http://d/4' },
    },
  });
  const exchange = exchangeWith(project, '/shop/x');
  const counts: Record<string, number> = {};
  for (let turn = 0; turn < 8; turn++) {
    const to = exchange.sentTo() as string;
    counts[to] = (counts[to] ?? 0) + 1;
  }
  t.same(counts, { 'http://a:80/1/x (a)': 6, 'http://b:80/2/x (b)': 2 });
  const tried: Upstream[] = [];
  const visited: (string | undefined)[] = [];
  for (;;) {
    const upstream = exchange.route?.pick(exchange, tried);
    if (upstream === undefined) break;
    visited.push(exchange.route?.rewrite?.(exchange, upstream)?.target);
    tried.push(upstream);
  }
  t.same(visited.slice(0, 2).sort(), ['/1/x', '/2/x']);
  t.same(visited.slice(2), ['/3/x', '/4/x']);
  t.ok((exchange.route?.settings.retries.attempts ?? 0) >= 4, 'enough attempts to reach the last failover');
});

t.test('a failover circle is refused', async (t) => {
  const found = faults({
    targets: { default: { url: 'http://a', failover: 'b' }, b: { url: 'http://b', failover: 'c' }, c: { url: 'http://c', failover: 'b' } },
  });
  t.match(found, [/^targets\.b\.failover: leads back to b itself: b -> c -> b/, /^targets\.c\.failover/]);
  t.match(faults({ targets: { default: { url: 'http://a', failover: 'default' } } }), [/leads back/]);
});

t.test('a new revision reuses upstreams with the same target and URL', async (t) => {
  const first = compile({ targets: { default: { urls: [{ url: 'http://a' }, { url: 'http://b' }] } } });
  const second = compile({ targets: { default: { urls: [{ url: 'http://a/', weight: 7 }, { url: 'http://c' }] } } }, {}, first);
  const [a, b] = [...first.upstreams.values()];
  const [a2, c] = [...second.upstreams.values()];
  t.equal(a2, a);
  t.equal(a2?.weight, 7);
  t.not(c, b);
  t.throws(() => compile({ targets: { default: { urls: [{ url: 'http://a', weight: 9 }, { url: '${variables.none}' }] } } }, {}, second));
  t.equal(a?.weight, 7, 'a rejected revision changes nothing');
});

t.test('policies run in order at all four points', async (t) => {
  const add = (value: string) => [{ headers: { add: { 'x-trace': value } } }];
  const each = (owner: string) => ({
    proxyRequest: add(`${owner}-1`),
    targetRequest: add(`${owner}-2`),
    targetResponse: add(`${owner}-3`),
    proxyResponse: add(`${owner}-4-\${variables.v}`),
  });
  const project = compile(
    { policies: each('project'), resources: [{ path: '/x', policies: each('resource') }, { path: '/y' }] },
    { v: 'V' },
  );
  const exchange = exchangeWith(project, '/shop/x');
  t.same(exchange.request.headers.all('x-trace'), ['project-1', 'resource-1', 'project-2', 'resource-2']);
  t.same(exchange.response.headers.lines, [], 'response policies wait for the response');
  exchange.route?.respond?.(exchange, exchange.route.pick(exchange, []) as Upstream);
  t.same(exchange.response.headers.all('x-trace'), ['resource-3', 'project-3', 'resource-4-V', 'project-4-V']);
  t.same(exchangeWith(project, '/shop/y').request.headers.all('x-trace'), ['project-1', 'project-2']);
});

t.test('a revision does not keep those before the previous one in memory', async (t) => {
  const revision = (path: string, previous?: CompiledProject) => compile({ resources: [{ path }] }, {}, previous);
  let project = revision('/first');
  const counter = new WeakRef(project.counters.resource('/first'));
  for (const path of ['/second', '/third', '/fourth']) project = revision(path, project);
  await memoryInUse();
  t.equal(counter.deref(), undefined);
  t.same([...project.counters.resources.keys()], ['/fourth']);
});
