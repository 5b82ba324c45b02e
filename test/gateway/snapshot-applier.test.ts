import t from 'tap';
import { GatewayHandler } from '../../src/gateway/handler.ts';
import { SnapshotApplier } from '../../src/gateway/snapshot-applier.ts';
import type { Upstream } from '../../src/proxy/upstream.ts';
import { FakeClock } from '../tools/fake-clock.ts';
import { FakeExchange } from '../tools/fake-exchange.ts';
import { keptLogger } from '../tools/fake-logger.ts';
import { deployed, snapshotOf } from './samples.ts';

function setup() {
  const { logger, lines } = keptLogger();
  const deployments = new SnapshotApplier({ random: () => 0, logger, clock: new FakeClock() });
  const serving = {
    get table() {
      return deployments.table;
    },
    ready: true,
  };
  const handler = new GatewayHandler(serving, logger);
  const get = (target: string): FakeExchange => {
    const exchange = new FakeExchange('GET', target);
    handler.request(exchange);
    return exchange;
  };
  return { deployments, lines, get };
}

const at = (name: string, url: string, rest = {}) => ({ name, targets: { default: { url } }, ...rest });

t.test('a snapshot replaces the one before as a whole', async (t) => {
  const { deployments, get } = setup();
  t.equal(get('/a').status, 503, 'nothing before the first');
  t.equal(deployments.running, undefined);
  const first = snapshotOf(1, [deployed(at('a', 'http://one/')), deployed(at('b', 'http://b'))]);
  t.equal(deployments.apply(first), true);
  t.same(deployments.running, { epoch: first.epoch, version: 1, hash: first.hash });
  t.same(deployments.states, [
    { name: 'a', revision: 1, state: 'active' },
    { name: 'b', revision: 1, state: 'active' },
  ]);
  const inFlight = get('/a/x');
  const { table } = deployments;
  t.equal(deployments.apply(structuredClone(first)), false, 'the same once more changes nothing');
  t.equal(deployments.table, table);
  t.equal(deployments.apply(snapshotOf(2, [deployed(at('a', 'http://two/'), 2)])), true);
  t.match(get('/a/x').sentTo(), /^http:\/\/two/);
  t.equal(get('/b').status, 404);
  t.match(inFlight.sentTo(), /^http:\/\/one/, 'it ends on the revision that it began with');
  deployments.clear();
  t.equal(get('/a/x').status, 503);
  t.same([deployments.running, deployments.environment, deployments.states], [undefined, undefined, []]);
});

t.test('a project that cannot be served keeps its earlier revision; the others go ahead', async (t) => {
  const { deployments, get, lines } = setup();
  deployments.apply(snapshotOf(1, [deployed(at('a', 'http://one')), deployed(at('b', 'http://b1'))]));
  deployments.apply(
    snapshotOf(2, [
      deployed(at('a', '${variables.missing}'), 2),
      deployed(at('b', 'http://b2'), 2),
      deployed(at('c', 'http://${variables.missing}/')),
    ]),
  );
  t.match(deployments.states, [
    { name: 'a', revision: 1, state: 'rejected', error: /targets\.default\.url: .*"missing"/ },
    { name: 'b', revision: 2, state: 'active' },
    { name: 'c', revision: 0, state: 'rejected' },
  ]);
  t.equal(deployments.running?.version, 2, 'the snapshot counts as running all the same');
  t.match(get('/a/').sentTo(), /^http:\/\/one/);
  t.match(get('/b/').sentTo(), /^http:\/\/b2/);
  t.equal(get('/c').status, 404);
  t.equal(lines.filter(({ msg }) => msg === 'project rejected').length, 2);
  deployments.apply(snapshotOf(3, [deployed(at('a', '${variables.missing}'), 2)]));
  t.match(deployments.states, [{ revision: 1, state: 'rejected' }], 'still the earlier one a snapshot later');
  deployments.apply(snapshotOf(4, [deployed(at('a', '${variables.missing}'), 2)], { variables: { missing: 'http://two' } }));
  t.match(deployments.states, [{ revision: 2, state: 'active' }], 'the variable came');
  t.match(get('/a/').sentTo(), /^http:\/\/two/);
});

t.test('variables changed: the same revision is made anew, and refused if one is gone', async (t) => {
  const { deployments, get } = setup();
  const projects = [deployed(at('a', 'http://${variables.host}'))];
  deployments.apply(snapshotOf(1, projects, { variables: { host: 'one' } }));
  deployments.apply(snapshotOf(2, projects, { variables: { host: 'two' } }));
  t.match(get('/a/').sentTo(), /^http:\/\/two/);
  deployments.apply(snapshotOf(3, projects));
  t.match(deployments.states, [{ revision: 1, state: 'rejected' }]);
  t.match(get('/a/').sentTo(), /^http:\/\/two/);
  deployments.apply(snapshotOf(4, projects));
  t.match(deployments.states, [{ revision: 1, state: 'rejected' }], 'a revision kept from before is not taken for the wanted one');
});

t.test('a number that a restored registry gives away a second time is another revision', async (t) => {
  const { deployments, get } = setup();
  deployments.apply(snapshotOf(2, [deployed(at('a', 'http://lost'), 2)]));
  deployments.apply(snapshotOf(2, [deployed(at('a', 'http://new'), 2)]));
  t.match(get('/a/x').sentTo(), /^http:\/\/new/);
});

t.test('the same number from another registry is another revision', async (t) => {
  const { deployments, get } = setup();
  deployments.apply(snapshotOf(1, [deployed(at('a', 'http://one'))]));
  deployments.apply(snapshotOf(1, [deployed(at('a', 'http://two'))], { epoch: 'epoch-2' }));
  t.match(get('/a/').sentTo(), /^http:\/\/two/);
});

t.test('another environment starts from nothing, even with the same snapshot id', async (t) => {
  const { deployments, get } = setup();
  deployments.apply(snapshotOf(1, [deployed(at('a', 'http://one'))]));
  deployments.apply(snapshotOf(1, [deployed(at('a', '${variables.none}'), 2)], { environment: 'test' }));
  t.match(deployments.states, [{ name: 'a', revision: 0, state: 'rejected' }]);
  t.equal(get('/a').status, 404, 'nothing of the old environment is served in the new one');
  deployments.apply(snapshotOf(0, []));
  t.equal(deployments.apply(snapshotOf(0, [], { environment: 'test' })), true);
  t.equal(deployments.environment, 'test');
});

t.test('one base path has one project', async (t) => {
  const { deployments, get } = setup();
  deployments.apply(
    snapshotOf(1, [deployed(at('a', 'http://one', { basePath: '/x' })), deployed(at('b', 'http://b', { basePath: '/%78' }))]),
  );
  t.match(deployments.states, [{ state: 'active' }, { state: 'rejected', revision: 0, error: /\/x is taken by project a/ }]);
  deployments.apply(
    snapshotOf(2, [deployed(at('a', '${variables.none}', { basePath: '/y' }), 2), deployed(at('c', 'http://c', { basePath: '/x' }))]),
  );
  t.match(
    deployments.states,
    [
      { name: 'a', state: 'rejected', revision: 0 },
      { name: 'c', state: 'active' },
    ],
    'the wanted project goes before one that was only kept',
  );
  t.match(get('/x/').sentTo(), /^http:\/\/c/);
});

t.test('upstreams that no table uses any more are retired, the others go on', async (t) => {
  const { deployments, get } = setup();
  const retired: Upstream[] = [];
  const watch = (target: string) => {
    const upstream = get(target).route?.pick(new FakeExchange('GET', '/'), []) as Upstream;
    upstream.retire = () => void retired.push(upstream);
    return upstream;
  };
  deployments.apply(snapshotOf(1, [deployed(at('a', 'http://a')), deployed(at('b', 'http://b')), deployed(at('c', 'http://c'))]));
  const [a, b, c] = [watch('/a'), watch('/b'), watch('/c')];
  a.requests = 41;
  deployments.apply(
    snapshotOf(2, [
      deployed(at('a', 'http://a', { version: '2' }), 2),
      deployed(at('b', 'http://b2'), 2),
      deployed(at('c', '${variables.no}'), 2),
    ]),
  );
  t.same(retired, [b]);
  t.equal(watch('/a'), a);
  t.equal(a.requests, 41);
  t.equal(watch('/c'), c, 'a revision that was kept keeps its connections');
  deployments.clear();
  t.ok(retired.includes(a) && retired.includes(c));
});

t.test('garbage in a snapshot is refused project by project and never thrown', async (t) => {
  const { deployments, get } = setup();
  const broken = { name: 'a', revision: 1, project: { name: 'a' } as never };
  deployments.apply(snapshotOf(1, [broken, deployed(at('b', 'http://b'))]));
  t.match(deployments.states, [
    { name: 'a', state: 'rejected' },
    { name: 'b', state: 'active' },
  ]);
  t.match(get('/b/').sentTo(), /^http:\/\/b/);
});
