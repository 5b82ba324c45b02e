import t from 'tap';
import { savedChange } from '../../src/gateway/saved-project.ts';
import { SnapshotApplier } from '../../src/gateway/snapshot-applier.ts';
import { SnapshotStore } from '../../src/gateway/snapshot-store.ts';
import { contentHash } from '../../src/model/content-hash.ts';
import type { Project } from '../../src/model/project.ts';
import type { DeployedProject } from '../../src/model/snapshot.ts';
import { type SnapshotUpdate, wholeUpdate } from '../../src/model/snapshot-update.ts';
import type { Upstream } from '../../src/proxy/upstream.ts';
import { FakeClock } from '../tools/fake-clock.ts';
import { silentLogger as logger } from '../tools/fake-logger.ts';
import fc from '../tools/fast-check.ts';
import { ownFolder } from '../tools/own-folder.ts';
import { deployed, projectOf, snapshotOf } from './samples.ts';

/** A gateway's applier with the contents that it was given so far, or those of a store. */
function gateway(store?: SnapshotStore) {
  const contents = new Map<string, Project>();
  function* read(hash: string) {
    return store === undefined ? contents.get(hash) : yield* store.readInPieces(hash);
  }
  const applier = new SnapshotApplier({ random: () => 0, logger, clock: new FakeClock(), read });
  const apply = (update: SnapshotUpdate) => {
    const change = applier.apply(update);
    for (const [hash, project] of change?.contents ?? []) contents.set(hash, project);
    return change;
  };
  /** Everything that clients and the registry can tell of it. */
  const seen = () => ({
    states: applier.states,
    served: applier.table?.projects.map(({ name, revision, hash, basePath, variables }) => ({ name, revision, hash, basePath, variables })),
    found: paths.map((path) => applier.table?.projectOf(`${path}/x`)?.name),
    counts: applier.counts,
    running: applier.running,
  });
  return { applier, apply, seen };
}

const names = ['a', 'b', 'c', 'd'];
const paths = ['/', '/x', '/x/y', '/z'];

/** A revision: its base path, and whether it uses a variable that exists at times. */
interface Draft {
  readonly path: string;
  readonly variable: string | undefined;
}

interface Deployed extends Draft {
  readonly revision: number;
  readonly fallback: (Draft & { revision: number }) | undefined;
  readonly fault: boolean;
}

/** What an environment holds. */
interface State {
  readonly projects: ReadonlyMap<string, Deployed>;
  readonly variables: Readonly<Record<string, string>>;
}

function contentOf(name: string, { path, variable }: Draft, revision: number): Project {
  const host = variable === undefined ? 'h' : `\${variables.${variable}}`;
  return projectOf({ name, basePath: path, version: `${revision}`, targets: { default: { url: `http://${host}/${name}` } } });
}

function deployedOf(name: string, { revision, fallback, fault, ...draft }: Deployed): DeployedProject {
  const project = contentOf(name, draft, revision);
  const earlier = fallback && contentOf(name, fallback, fallback.revision);
  return {
    name,
    revision,
    hash: contentHash(project),
    project,
    ...(fallback && earlier && { fallback: { revision: fallback.revision, hash: contentHash(earlier), project: earlier } }),
    ...(fault && { fault: 'lost' }),
  };
}

function snapshot(version: number, { projects, variables }: State) {
  const list = [...projects].sort(([one], [other]) => (one < other ? -1 : 1)).map(([name, given]) => deployedOf(name, given));
  return snapshotOf(version, list, { variables });
}

const draft = fc.record({ path: fc.constantFrom(...paths), variable: fc.constantFrom(undefined, undefined, 'one', 'two') });
const numbered = fc.tuple(draft, fc.integer({ min: 1, max: 4 })).map(([given, revision]) => ({ ...given, revision }));
const change = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.tuple(fc.constantFrom(...names), numbered, fc.option(numbered, { nil: undefined }), fc.integer({ max: 9, min: 0 })),
  },
  { weight: 2, arbitrary: fc.constantFrom(...names) },
  { weight: 1, arbitrary: fc.record({ one: fc.constantFrom('1', '2'), two: fc.constantFrom('1', '2') }, { requiredKeys: [] }) },
);
/** Each step of a chain makes several changes at once. */
const chain = fc.array(fc.array(change, { minLength: 1, maxLength: 4 }), { minLength: 1, maxLength: 10 });

function after(state: State, changes: readonly (typeof change extends fc.Arbitrary<infer Change> ? Change : never)[]): State {
  const projects = new Map(state.projects);
  let { variables } = state;
  for (const one of changes) {
    if (typeof one === 'string') projects.delete(one);
    else if (Array.isArray(one)) projects.set(one[0], { ...one[1], fallback: one[2], fault: one[3] === 0 });
    else variables = one as Record<string, string>;
  }
  return { projects, variables };
}

/** The update from one snapshot to the next with nothing in it that has not changed. */
function updateTo(next: ReturnType<typeof snapshot>, before: ReturnType<typeof snapshot> | undefined): SnapshotUpdate {
  if (before === undefined) return wholeUpdate(next);
  const { epoch, version, hash } = before;
  const known = new Map(before.projects.map((project) => [project.name, contentHash(project)]));
  const put = next.projects.filter((project) => known.get(project.name) !== contentHash(project));
  const removed = [...known.keys()].filter((name) => !next.projects.some((project) => project.name === name));
  return { ...wholeUpdate(next), from: { epoch, version, hash }, put, removed };
}

t.test('a chain of updates does the same as a chain of whole snapshots', async () => {
  fc.assert(
    fc.property(chain, (steps) => {
      const [updated, whole] = [gateway(), gateway()];
      let state: State = { projects: new Map(), variables: {} };
      let before: ReturnType<typeof snapshot> | undefined;
      for (const [index, changes] of steps.entries()) {
        state = after(state, changes);
        const next = snapshot(index + 1, state);
        updated.apply(updateTo(next, before));
        whole.apply(wholeUpdate(next));
        before = next;
        const [one, other] = [updated.seen(), whole.seen()];
        if (contentHash(one) !== contentHash(other))
          throw new Error(`version ${index + 1}:\n${JSON.stringify(one)}\n${JSON.stringify(other)}`);
      }
    }),
    { numRuns: 2000 },
  );
});

t.test('where no revision is rejected, a chain of updates ends as its last snapshot applied to a new server', async () => {
  let compared = 0;
  fc.assert(
    fc.property(chain, (steps) => {
      const updated = gateway();
      let state: State = { projects: new Map(), variables: {} };
      let before: ReturnType<typeof snapshot> | undefined;
      for (const [index, changes] of steps.entries()) {
        state = after(state, changes);
        const next = snapshot(index + 1, state);
        updated.apply(updateTo(next, before));
        before = next;
      }
      const fresh = gateway();
      if (before !== undefined) fresh.apply(wholeUpdate(before));
      const [one, other] = [updated.seen(), fresh.seen()];
      // A server that is not new may have a revision to keep where a new one has none.
      if (other.counts.rejected > 0) return;
      compared++;
      if (contentHash(one) !== contentHash(other)) throw new Error(`${JSON.stringify(one)}\n${JSON.stringify(other)}`);
    }),
    { numRuns: 1000 },
  );
  t.ok(compared > 100, `${compared} chains`);
});

t.test('a server that restarts after any update serves what it served before', async (t) => {
  const folder = ownFolder(t);
  let round = 0;
  await fc.assert(
    fc.asyncProperty(chain, async (steps) => {
      const path = `${folder}/${round++}`;
      const store = new SnapshotStore(path, logger);
      const running = gateway(store);
      let state: State = { projects: new Map(), variables: {} };
      let before: ReturnType<typeof snapshot> | undefined;
      for (const [index, changes] of steps.entries()) {
        state = after(state, changes);
        const next = snapshot(index + 1, state);
        const saved = running.apply(updateTo(next, before));
        before = next;
        // Some changes are written together.
        if (saved !== undefined) await (index % 3 === 1 ? Promise.race([store.save(saved), undefined]) : store.save(saved));
      }
      await store.settled();
      const restarted = gateway();
      restarted.apply((await new SnapshotStore(path, logger).load()) as SnapshotUpdate);
      const [one, other] = [running.seen(), restarted.seen()];
      if (contentHash(one) !== contentHash(other)) throw new Error(`${JSON.stringify(one)}\n${JSON.stringify(other)}`);
    }),
    { numRuns: 100 },
  );
});

t.test('an update from another snapshot than the one that runs changes nothing', async (t) => {
  const { applier, apply } = gateway();
  const first = snapshotOf(1, [deployed({ name: 'a' })]);
  const { epoch, version, hash } = first;
  const next = { ...wholeUpdate(snapshotOf(2, [])), from: { epoch, version, hash }, removed: ['a'] };
  t.equal(apply(next), undefined, 'before the first snapshot');
  apply(wholeUpdate(first));
  t.equal(apply({ ...next, from: { epoch, version, hash: '0'.repeat(64) } }), undefined);
  t.equal(apply({ ...next, environment: 'test' }), undefined);
  t.equal(applier.running?.version, 1);
  t.ok(apply(next));
  t.equal(applier.counts.deployed, 0);
});

t.test('two projects swap their base paths within one update', async (t) => {
  const { applier, apply } = gateway();
  const at = (name: string, basePath: string, revision: number) => deployed({ name, basePath }, revision);
  const first = snapshotOf(1, [at('a', '/x', 1), at('b', '/y', 1)]);
  apply(wholeUpdate(first));
  const { epoch, version, hash } = first;
  apply({ ...wholeUpdate(snapshotOf(2, [at('a', '/y', 2), at('b', '/x', 2)])), from: { epoch, version, hash } });
  t.equal(applier.table?.projectOf('/x')?.name, 'b');
  t.equal(applier.table?.projectOf('/y')?.name, 'a');
  t.equal(applier.counts.rejected, 0);
});

t.test('a kept revision that gave its base path to another project has it again afterwards, with its connections in use', async (t) => {
  const { applier, apply } = gateway();
  const bad = (revision: number) =>
    deployed({ name: 'a', basePath: '/other', targets: { default: { url: '${variables.none}' } } }, revision);
  const chained = (before: SnapshotUpdate, next: SnapshotUpdate, removed: string[] = []): SnapshotUpdate => {
    const { epoch, version, hash } = before;
    const update = { ...next, from: { epoch, version, hash }, removed };
    apply(update);
    return update;
  };
  const first = wholeUpdate(snapshotOf(1, [deployed({ name: 'a', basePath: '/x' })]));
  apply(first);
  const [upstream] = applier.table?.at('/x')?.upstreams.values() ?? [];
  const calls: string[] = [];
  Object.assign(upstream as Upstream, { retire: () => calls.push('retire'), revive: () => calls.push('revive') });
  const rejected = chained(first, wholeUpdate(snapshotOf(2, [bad(2)])));
  t.same(calls, [], 'kept');
  const taken = chained(rejected, wholeUpdate(snapshotOf(3, [deployed({ name: 'b', basePath: '/x' })])));
  t.match(applier.states, [
    { name: 'a', revision: 0, state: 'rejected' },
    { name: 'b', revision: 1 },
  ]);
  chained(taken, wholeUpdate(snapshotOf(4, [])), ['b']);
  t.match(applier.states, [{ name: 'a', revision: 1, state: 'rejected' }]);
  t.equal(applier.table?.projectOf('/x')?.name, 'a');
  t.same(calls, ['retire', 'revive']);
});

t.test('contents that cannot be read are requested again: the server does not claim to run the snapshot', async (t) => {
  const applier = new SnapshotApplier({ random: () => 0, logger, clock: new FakeClock() });
  const using = deployed({ name: 'a', targets: { default: { url: 'http://${variables.host}' } } });
  const first = snapshotOf(1, [using, deployed({ name: 'b' })], { variables: { host: 'one' } });
  applier.apply(wholeUpdate(first));
  const { epoch, version, hash } = first;
  const next = snapshotOf(2, [using, deployed({ name: 'b' })], { variables: { host: 'two' } });
  const change = applier.apply({ ...wholeUpdate(next), from: { epoch, version, hash }, put: [], removed: [] });
  t.match(applier.states, [
    { name: 'a', revision: 1, state: 'rejected', error: /cannot be read/ },
    { name: 'b', state: 'active' },
  ]);
  t.match(applier.running, { version: 0, hash: /^0+$/ });
  t.match(change, { version: 0, hash: /^0+$/ }, 'nor does what is saved');
  t.same([applier.deployment('a'), applier.deployment('b')?.revision], [undefined, 1], 'shows what to send');
  t.equal(applier.table?.projectOf('/a')?.name, 'a', 'meanwhile it serves what it has');
  applier.apply({ ...wholeUpdate(next), ...(applier.running && { from: applier.running }), put: [using], removed: [] });
  t.match(applier.states, [
    { name: 'a', state: 'active' },
    { name: 'b', state: 'active' },
  ]);
  t.equal(applier.running?.version, 2);
});

t.test('above 64 projects only rejected ones are reported', async (t) => {
  const { applier, apply } = gateway();
  const many = Array.from({ length: 64 }, (_, index) => deployed({ name: `p${index}` }));
  apply(wholeUpdate(snapshotOf(1, many)));
  t.equal(applier.states.length, 64);
  t.equal(applier.states, applier.states, 'a renewal makes no new list');
  const broken = deployed({ name: 'broken', targets: { default: { url: '${variables.none}' } } });
  apply(wholeUpdate(snapshotOf(2, [broken, ...many])));
  t.match(applier.states, [{ name: 'broken', revision: 0, state: 'rejected' }]);
  t.same(applier.counts, { deployed: 65, rejected: 1 });
  apply(wholeUpdate(snapshotOf(3, [...many, deployed({ name: 'q' })])));
  t.same(applier.states, []);
});

t.test('changes that the applier returns are those to save', async (t) => {
  const { apply } = gateway();
  const first = snapshotOf(1, [deployed({ name: 'a' }), deployed({ name: 'b' })]);
  t.same(apply(wholeUpdate(first)), savedChange(wholeUpdate(first)));
  const { epoch, version, hash } = first;
  const second = snapshotOf(2, [deployed({ name: 'a' }), deployed({ name: 'b' }, 2)]);
  const change = apply(wholeUpdate(second));
  t.match(change, { version: 2, from: { epoch, version, hash }, put: [{ name: 'b', revision: 2 }], removed: [] });
  t.equal(change?.put.length, 1, 'a whole snapshot too is saved as what it changes');
});
