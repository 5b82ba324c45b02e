import t from 'tap';
import { SnapshotApplier } from '../../src/gateway/snapshot-applier.ts';
import { contentHash, contentHashInPieces } from '../../src/model/content-hash.ts';
import { atOnce } from '../../src/model/pieces.ts';
import { project, projectInPieces } from '../../src/model/project.ts';
import { FakeClock } from '../tools/fake-clock.ts';
import { silentLogger } from '../tools/fake-logger.ts';
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
  t.equal([...projectInPieces(big)].length, resources.length, 'each resource is one piece');
  t.end();
});

t.test('the hash in pieces is the hash', (t) => {
  for (const value of [big, {}, { b: [], a: undefined, c: [[1], { z: 1, y: [2] }], d: null }])
    t.equal(atOnce(contentHashInPieces(value)), contentHash(value));
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
