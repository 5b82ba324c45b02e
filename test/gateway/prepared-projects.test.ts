import t from 'tap';
import { compileInPieces, compileProject } from '../../src/gateway/compiled-project.ts';
import { SnapshotApplier } from '../../src/gateway/snapshot-applier.ts';
import { contentsLine } from '../../src/gateway/snapshot-records.ts';
import { contentHash, contentHashInPieces } from '../../src/model/content-hash.ts';
import { parsePieces } from '../../src/model/parse-pieces.ts';
import { atOnce } from '../../src/model/pieces.ts';
import { project, projectInPieces } from '../../src/model/project.ts';
import { planTargets } from '../../src/projects/target-plans.ts';
import { FakeClock } from '../tools/fake-clock.ts';
import { silentLogger } from '../tools/fake-logger.ts';
import { policyServices } from '../tools/policy-services.ts';
import { deployed, wholeOf } from './samples.ts';

const resources = Array.from({ length: 5 }, (_, index) => ({
  path: `/things/${index}`,
  methods: ['GET'],
  target: index === 3 ? 'other' : 'default',
}));
const targets = { default: { url: 'http://one' }, other: { url: 'http://two' } };
const big = { name: 'big', basePath: '/big', targets, resources };

t.test('a project that is checked in pieces is the same as at once, and so are its faults', (t) => {
  const given = [
    big,
    { ...big, resources: undefined },
    { ...big, resources: [] },
    { ...big, resources: 'none' },
    { ...big, targets: { default: { url: 'http://one' } } },
    { ...big, targets: { other: { url: 'http://one' } }, resources: [] },
    { ...big, unknown: true },
    { ...big, targets: {} },
    { ...big, targets: { ...targets, 'no name!': targets.other } },
    { ...big, targets: { ...targets, third: { url: 'http://three', failover: 'other' } } },
    { ...big, targets: { ...targets, third: { url: 'http://three', failover: 'fourth' } } },
    { ...big, targets: { ...targets, third: { url: 'ftp://three' } } },
    { ...big, policies: { proxyRequest: [{ apiKey: { keys: ['k'] } }, { apiKey: {} }], targetResponse: [] } },
    { ...big, policies: { proxyRequest: [{ apiKey: { keys: ['k'] }, headers: {} }] } },
    { ...big, policies: { proxyRequest: {} } },
    { ...big, policies: { other: [] } },
    { ...big, policies: [] },
    { ...big, resources: [...resources, { path: 'no' }, { path: '/x', methods: [] }] },
    null,
    [],
    'text',
  ];
  for (const one of given) {
    const { data, error } = atOnce(projectInPieces(one));
    const whole = project.safeParse(one);
    t.equal(JSON.stringify(data), JSON.stringify(whole.data));
    t.strictSame(error?.issues, whole.error?.issues);
  }
  t.equal([...projectInPieces(big)].length, resources.length + Object.keys(targets).length, 'each resource and each target is one piece');
  t.end();
});

t.test('the hash in pieces is the hash', (t) => {
  for (const value of [big, {}, { b: [], a: undefined, c: [[1], { z: 1, y: [2] }], d: null }])
    t.equal(atOnce(contentHashInPieces(value)), contentHash(value));
  t.end();
});

t.test('whatever a project has much of, it is parsed, checked, hashed, compiled and put into a line in many pieces', (t) => {
  const many = 1000;
  const list = <One>(make: (index: number) => One) => Array.from({ length: many }, (_, index) => make(index));
  const shapes = {
    resources: { ...big, resources: list((index) => ({ path: `/things/${index}/{id}`, policies: { proxyRequest: [key(index)] } })) },
    targets: { ...big, targets: { ...targets, ...Object.fromEntries(list((index) => [`t-${index}`, { url: `http://host-${index}` }])) } },
    policies: { ...big, policies: { proxyRequest: list((index) => key(index)) } },
    keys: { ...big, policies: { proxyRequest: [{ apiKey: { keys: list((index) => `the-key-of-client-${index}`) } }] } },
  };
  for (const [name, given] of Object.entries(shapes)) {
    const text = JSON.stringify(given);
    const checked = project.parse(given);
    const compiled = { name: 'big', revision: 1, project: checked };
    const lengths = {
      parse: [...parsePieces(text)].length,
      hash: [...contentHashInPieces(given)].length,
      compile: [...compileInPieces(compiled, { origin: { epoch: 'e', variables: {} }, services: policyServices() })].length,
      ...(name !== 'keys' && { check: [...projectInPieces(given)].length }),
    };
    for (const [step, length] of Object.entries(lengths)) t.ok(length >= many, `${name}, ${step}: ${length} pieces`);
    t.ok([...contentsLine('0'.repeat(64), checked)].length >= text.length / 20_000, `${name}, line`);
  }
  t.end();
});

function key(index: number) {
  return { apiKey: { keys: [`the-key-of-client-${index}`] } };
}

t.test('what is written alike is one policy, and each place of a fault is reported', (t) => {
  const alike = [1, 2, 3].map((index) => ({ path: `/${index}`, policies: { proxyRequest: [key(7)] } }));
  const compiledOf = (given: object) =>
    compileProject(
      { name: 'big', revision: 1, project: project.parse(given) },
      { origin: { epoch: 'e', variables: {} }, services: policyServices() },
    );
  const { resources: tree } = compiledOf({ ...big, resources: alike });
  const found = alike.map(({ path }) => tree.find(path, 'GET'));
  const chains = new Set(found.map((one) => one && 'value' in one && one.value.policies));
  t.equal(chains.size, 1);
  t.ok(chains.values().next().value);
  const faulty = [1, 2].map((index) => ({ path: `/${index}`, policies: { proxyRequest: [{ apiKey: { keys: ['${variables.gone}'] } }] } }));
  t.throws(() => compiledOf({ ...big, resources: faulty }), {
    message: /resources\.0\.policies\.proxyRequest\.0\.apiKey\.keys\.0.*resources\.1\.policies\.proxyRequest\.0\.apiKey\.keys\.0/,
  });
  t.end();
});

t.test('a circle of failovers is found at each of its targets, however long the way to it is', (t) => {
  const chain = Object.fromEntries(
    Array.from({ length: 3000 }, (_, index) => [`t${index}`, { url: 'http://one', failover: `t${index === 2999 ? 2970 : index + 1}` }]),
  );
  const faults: string[] = [];
  const given = project.parse({ name: 'big', basePath: '/big', targets: { default: { url: 'http://one', failover: 't0' }, ...chain } });
  atOnce(planTargets(given.targets, {}, (path, message) => void faults.push(`${String(path[1])}: ${message}`)));
  t.equal(faults.length, 30);
  t.match(faults[0], /^t2970: leads back to t2970 itself: t2970 -> t2971 -> .* -> t2989 -> … -> t2970$/);
  const two = project.parse({
    name: 'big',
    basePath: '/big',
    targets: { default: { url: 'http://one', failover: 'b' }, b: { url: 'http://b', failover: 'default' } },
  });
  faults.length = 0;
  atOnce(planTargets(two.targets, {}, (path, message) => void faults.push(`${String(path[1])}: ${message}`)));
  t.strictSame(faults, ['default: leads back to default itself: default -> b -> default', 'b: leads back to b itself: b -> default -> b']);
  t.end();
});

t.test('while a revision is compiled, the one before is served; what was compiled is then swapped in', (t) => {
  const clock = new FakeClock();
  const applier = new SnapshotApplier({ random: () => 0, logger: silentLogger, clock });
  const revision = (number: number) => wholeOf(number, [deployed({ ...big, version: String(number) }, number)]);
  const serving = () => applier.table?.projects.map(({ revision }) => revision);
  applier.apply(revision(1));
  const update = revision(2);
  const pieces = applier.prepare(update);
  let count = 0;
  for (let next = pieces.next(); ; next = pieces.next()) {
    t.strictSame(serving(), [1]);
    if (next.done) {
      applier.apply(update, next.value);
      break;
    }
    count++;
  }
  t.ok(count > 3 * resources.length, `${count} pieces`);
  t.strictSame(serving(), [2]);

  const other = revision(4);
  const late = applier.prepare(other);
  late.next();
  applier.apply(revision(3));
  const third = applier.table?.projects[0];
  applier.apply(other, atOnce(late));
  t.strictSame(serving(), [4], 'also if another revision came to run meanwhile');
  t.equal(applier.table?.projects[0]?.counters.unmatched, third?.counters.unmatched, 'with its counters');
  t.end();
});
