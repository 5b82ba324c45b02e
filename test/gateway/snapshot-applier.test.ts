import t from 'tap';
import { GatewayHandler } from '../../src/gateway/gateway-handler.ts';
import type { SavedChange } from '../../src/gateway/saved-project.ts';
import { SnapshotApplier } from '../../src/gateway/snapshot-applier.ts';
import { SnapshotStore } from '../../src/gateway/snapshot-store.ts';
import { atOnce } from '../../src/model/pieces.ts';
import type { SnapshotUpdate } from '../../src/model/snapshot-update.ts';
import type { Upstream } from '../../src/proxy/upstream.ts';
import { FakeClock } from '../tools/fake-clock.ts';
import { FakeExchange } from '../tools/fake-exchange.ts';
import { keptLogger } from '../tools/fake-logger.ts';
import { ownFolder } from '../tools/own-folder.ts';
import { deployed, wholeOf } from './samples.ts';

function setup() {
  const { logger, lines } = keptLogger();
  const applier = new SnapshotApplier({ random: () => 0, logger, clock: new FakeClock() });
  const serving = {
    get table() {
      return applier.table;
    },
    ready: true,
  };
  const handler = new GatewayHandler(serving, logger);
  const get = (target: string): FakeExchange => {
    const exchange = new FakeExchange('GET', target);
    handler.request(exchange);
    return exchange;
  };
  return { applier, lines, get };
}

const at = (name: string, url: string, rest = {}) => ({ name, targets: { default: { url } }, ...rest });

t.test('a snapshot replaces the previous one as a whole', async (t) => {
  const { applier, get } = setup();
  t.equal(get('/a').status, 503, 'before the first snapshot');
  t.equal(applier.running, undefined);
  const first = wholeOf(1, [deployed(at('a', 'http://one/')), deployed(at('b', 'http://b'))]);
  t.ok(applier.apply(first));
  t.same(applier.running, { epoch: first.epoch, version: 1, hash: first.hash });
  t.same(applier.states, [
    { name: 'a', revision: 1, state: 'active' },
    { name: 'b', revision: 1, state: 'active' },
  ]);
  const inFlight = get('/a/x');
  const { table } = applier;
  t.equal(applier.apply(structuredClone(first)), undefined, 'the same snapshot again changes nothing');
  t.equal(applier.table, table);
  t.ok(applier.apply(wholeOf(2, [deployed(at('a', 'http://two/'), 2)])));
  t.match(get('/a/x').sentTo(), /^http:\/\/two/);
  t.equal(get('/b').status, 404);
  t.match(inFlight.sentTo(), /^http:\/\/one/, 'a request ends on the revision on which it began');
  applier.clear();
  t.equal(get('/a/x').status, 503);
  t.same([applier.running, applier.environment, applier.states], [undefined, undefined, []]);
});

t.test('a rejected project keeps its previous revision; the others go ahead', async (t) => {
  const { applier, get, lines } = setup();
  applier.apply(wholeOf(1, [deployed(at('a', 'http://one')), deployed(at('b', 'http://b1'))]));
  applier.apply(
    wholeOf(2, [
      deployed(at('a', '${variables.missing}'), 2),
      deployed(at('b', 'http://b2'), 2),
      deployed(at('c', 'http://${variables.missing}/')),
    ]),
  );
  t.match(applier.states, [
    { name: 'a', revision: 1, state: 'rejected', error: /targets\.default\.url: .*"missing"/ },
    { name: 'b', revision: 2, state: 'active' },
    { name: 'c', revision: 0, state: 'rejected' },
  ]);
  t.equal(applier.running?.version, 2, 'the snapshot still counts as running');
  t.match(get('/a/').sentTo(), /^http:\/\/one/);
  t.match(get('/b/').sentTo(), /^http:\/\/b2/);
  t.equal(get('/c').status, 404);
  t.equal(lines.filter(({ msg }) => msg === 'project rejected').length, 2);
  applier.apply(wholeOf(3, [deployed(at('a', '${variables.missing}'), 2)]));
  t.match(applier.states, [{ revision: 1, state: 'rejected' }], 'still the previous revision one snapshot later');
  applier.apply(wholeOf(4, [deployed(at('a', '${variables.missing}'), 2)], { variables: { missing: 'http://two' } }));
  t.match(applier.states, [{ revision: 2, state: 'active' }], 'the variable was added');
  t.match(get('/a/').sentTo(), /^http:\/\/two/);
});

t.test('changed variables recompile the same revision; a missing one rejects it', async (t) => {
  const { applier, get } = setup();
  const projects = [deployed(at('a', 'http://${variables.host}'))];
  applier.apply(wholeOf(1, projects, { variables: { host: 'one' } }));
  applier.apply(wholeOf(2, projects, { variables: { host: 'two' } }));
  t.match(get('/a/').sentTo(), /^http:\/\/two/);
  applier.apply(wholeOf(3, projects));
  t.match(applier.states, [{ revision: 1, state: 'rejected' }]);
  t.match(get('/a/').sentTo(), /^http:\/\/two/);
  applier.apply(wholeOf(4, projects));
  t.match(applier.states, [{ revision: 1, state: 'rejected' }], 'a kept revision does not count as the wanted one');
});

t.test('a revision number that a restored registry assigns again is another revision', async (t) => {
  const { applier, get } = setup();
  applier.apply(wholeOf(2, [deployed(at('a', 'http://lost'), 2)]));
  applier.apply(wholeOf(2, [deployed(at('a', 'http://new'), 2)]));
  t.match(get('/a/x').sentTo(), /^http:\/\/new/);
});

t.test('the same number under another epoch is another revision', async (t) => {
  const { applier, get } = setup();
  applier.apply(wholeOf(1, [deployed(at('a', 'http://one'))]));
  applier.apply(wholeOf(1, [deployed(at('a', 'http://two'))], { epoch: 'epoch-2' }));
  t.match(get('/a/').sentTo(), /^http:\/\/two/);
});

t.test('another environment starts from nothing, even with the same snapshot id', async (t) => {
  const { applier, get } = setup();
  applier.apply(wholeOf(1, [deployed(at('a', 'http://one'))]));
  applier.apply(wholeOf(1, [deployed(at('a', '${variables.none}'), 2)], { environment: 'test' }));
  t.match(applier.states, [{ name: 'a', revision: 0, state: 'rejected' }]);
  t.equal(get('/a').status, 404, 'projects of the old environment are not served in the new one');
  applier.apply(wholeOf(0, []));
  t.ok(applier.apply(wholeOf(0, [], { environment: 'test' })));
  t.equal(applier.environment, 'test');
});

t.test('a base path belongs to one project', async (t) => {
  const { applier, get } = setup();
  applier.apply(wholeOf(1, [deployed(at('a', 'http://one', { basePath: '/x' })), deployed(at('b', 'http://b', { basePath: '/%78' }))]));
  t.match(applier.states, [{ state: 'active' }, { state: 'rejected', revision: 0, error: /\/x is taken by project a/ }]);
  applier.apply(
    wholeOf(2, [deployed(at('a', '${variables.none}', { basePath: '/y' }), 2), deployed(at('c', 'http://c', { basePath: '/x' }))]),
  );
  t.match(
    applier.states,
    [
      { name: 'a', state: 'rejected', revision: 0 },
      { name: 'c', state: 'active' },
    ],
    'a deployed project goes before one that was only kept',
  );
  t.match(get('/x/').sentTo(), /^http:\/\/c/);
});

t.test('upstreams that no table uses any more are retired; the others stay', async (t) => {
  const { applier, get } = setup();
  const retired: Upstream[] = [];
  const watch = (target: string) => {
    const upstream = get(target).route?.pick(new FakeExchange('GET', '/'), []) as Upstream;
    upstream.retire = () => void retired.push(upstream);
    return upstream;
  };
  applier.apply(wholeOf(1, [deployed(at('a', 'http://a')), deployed(at('b', 'http://b')), deployed(at('c', 'http://c'))]));
  const [a, b, c] = [watch('/a'), watch('/b'), watch('/c')];
  a.requests = 41;
  applier.apply(
    wholeOf(2, [
      deployed(at('a', 'http://a', { version: '2' }), 2),
      deployed(at('b', 'http://b2'), 2),
      deployed(at('c', '${variables.no}'), 2),
    ]),
  );
  t.same(retired, [b]);
  t.equal(watch('/a'), a);
  t.equal(a.requests, 41);
  t.equal(watch('/c'), c, 'a kept revision keeps its connections');
  applier.clear();
  t.ok(retired.includes(a) && retired.includes(c));
});

t.test('a server that never ran a project serves the fallback of a rejected revision', async (t) => {
  const { applier } = setup();
  const fallback = { revision: 1, project: deployed(at('a', 'http://one')).project };
  applier.apply(wholeOf(1, [{ ...deployed(at('a', '${variables.none}'), 3), fallback }]));
  t.match(applier.states, [{ name: 'a', revision: 1, state: 'rejected', error: /"none"/ }]);
  t.match(applier.table?.projects, [{ name: 'a', revision: 1 }]);
  const [running] = applier.table?.projects ?? [];
  applier.apply(wholeOf(2, [{ ...deployed(at('a', '${variables.none}'), 4), fallback }]));
  t.equal(applier.table?.projects[0], running, 'the fallback goes on unchanged');
  const broken = { ...fallback, revision: 2, project: deployed(at('a', '${variables.none}/x')).project };
  applier.apply(wholeOf(3, [{ ...deployed(at('a', '${variables.none}'), 5), fallback: broken }]));
  t.match(applier.states, [{ revision: 1, state: 'rejected' }], 'if the fallback is rejected too, what ran before stays');
});

t.test('what runs is saved, with the variables that it needs', async (t) => {
  const { applier } = setup();
  const { logger } = keptLogger();
  const folder = ownFolder(t);
  const store = new SnapshotStore(folder, logger);
  const save = async (update: SnapshotUpdate) => store.save(applier.apply(update) as SavedChange);
  await save(wholeOf(1, [deployed(at('a', '${variables.host}'))], { variables: { host: 'http://one', other: '1' } }));
  await save(wholeOf(2, [deployed(at('a', '${variables.host}'))], { variables: { other: '1' } }));
  t.match(applier.states, [{ revision: 1, state: 'rejected' }]);
  const saved = (await new SnapshotStore(folder, logger).load()) as SnapshotUpdate;
  t.match(saved, { version: 2, variables: { other: '1' }, put: [{ revision: 1, fallback: { revision: 1 } }] });
  t.same(saved.put[0]?.fallback?.variables, { host: 'http://one' });
  const restarted = setup().applier;
  restarted.apply(saved);
  t.match(restarted.states, [{ revision: 1, state: 'rejected' }]);
  t.match(restarted.table?.projects, [{ name: 'a', revision: 1 }]);
  restarted.apply(wholeOf(3, [deployed(at('a', '${variables.host}'))]));
  t.match(restarted.states, [{ revision: 1, state: 'rejected' }], 'also at the next snapshot');
});

t.test('a malformed project is rejected without throwing; the others go ahead', async (t) => {
  const { applier, get } = setup();
  const broken = { name: 'a', revision: 1, project: { name: 'a' } as never };
  applier.apply(wholeOf(1, [broken, deployed(at('b', 'http://b'))]));
  t.match(applier.states, [
    { name: 'a', state: 'rejected' },
    { name: 'b', state: 'active' },
  ]);
  t.match(get('/b/').sentTo(), /^http:\/\/b/);
});

t.test('many projects are put in pieces, and served all at once', async (t) => {
  const { applier, get } = setup();
  const names = Array.from({ length: 100 }, (_, index) => `p${index}`);
  const whole = wholeOf(
    1,
    names.map((name) => deployed(at(name, 'http://one'))),
  );
  t.ok(applier.apply(wholeOf(1, [deployed(at('other', 'http://two'))], { environment: 'earlier' })));
  const pieces = applier.applying(whole, atOnce(applier.prepare(whole)));
  let made = 0;
  for (let piece = pieces.next(); ; piece = pieces.next()) {
    if (piece.done) {
      t.equal(piece.value?.put.length, names.length);
      t.same([get('/other').status, ...names.map((name) => get(`/${name}`).status)], [404, ...names.map(() => undefined)]);
      break;
    }
    made++;
    t.same([get('/other').status, get('/p0').status], [undefined, 404], 'the earlier snapshot is served until the last piece');
  }
  t.ok(made > names.length, `${made} pieces`);
});

t.test('a snapshot that is being put is dropped if the server leaves the environment meanwhile', async (t) => {
  const { applier, get } = setup();
  const whole = wholeOf(1, [deployed(at('a', 'http://one')), deployed(at('b', 'http://two'))]);
  for (let before = 0; ; before++) {
    const pieces = applier.applying(whole, atOnce(applier.prepare(whole)));
    let piece = pieces.next();
    for (let made = 0; made < before && !piece.done; made++) piece = pieces.next();
    if (piece.done) {
      t.ok(before > 4, 'it was interrupted after each piece');
      break;
    }
    applier.clear();
    while (!piece.done) piece = pieces.next();
    t.equal(piece.value, undefined);
    t.same([applier.running, get('/a').status], [undefined, 503]);
  }
});
