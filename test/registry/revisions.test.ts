import t, { type Test } from 'tap';
import { systemClock } from '../../src/model/clock.ts';
import { project } from '../../src/model/project.ts';
import { FileStore } from '../../src/registry/embedded/file-store.ts';
import { answerText } from '../../src/registry/remote/answer-text.ts';
import { DeployableRevisions, examineRevision } from '../../src/registry/rules/deployable-revisions.ts';
import { Deployments } from '../../src/registry/rules/deployments.ts';
import { Environments } from '../../src/registry/rules/environments.ts';
import { Ledger } from '../../src/registry/rules/ledger.ts';
import { Projects } from '../../src/registry/rules/projects.ts';
import { RevisionContents } from '../../src/registry/rules/revision-contents.ts';
import { Snapshots } from '../../src/registry/rules/snapshots.ts';
import { api } from '../contract/registry-samples.ts';
import { keptLogger } from '../tools/fake-logger.ts';
import { ownFolder } from '../tools/own-folder.ts';
import { CountedStore } from './counted-store.ts';

const most = 5;

/** The rules of a registry that keeps five revisions of a project. */
async function setUp(t: Test, octets = 1 << 20) {
  const { logger, lines: log } = keptLogger();
  const store = await FileStore.open(ownFolder(t), { logger, clock: systemClock });
  t.teardown(() => store.close());
  const ledger = new Ledger({ store, logger, random: Math.random });
  const snapshots = new Snapshots(ledger);
  const projects = new Projects(ledger, systemClock, { revisions: most, octets });
  const deployments = new Deployments(ledger, snapshots, new DeployableRevisions(ledger));
  await new Environments(ledger, snapshots).put('production', {});
  let pushed = 0;
  const push = (octets = 0) => projects.push(api('shop', { version: `${++pushed}${'-'.repeat(octets)}` }));
  const numbers = async () => (await projects.list()).flatMap(({ revisions }) => revisions.map(({ revision }) => revision));
  return { ledger, projects, deployments, push, numbers, log };
}

t.test('the oldest revisions are removed when there are too many, and no number is used twice', async (t) => {
  const { ledger, projects, push, numbers } = await setUp(t);
  for (let round = 0; round < 8; round++) await push();
  t.strictSame(await numbers(), [4, 5, 6, 7, 8]);
  t.equal(await projects.revision('shop', 3), undefined);
  t.ok(await projects.revision('shop', 4));
  const left = await ledger.list('revision');
  t.strictSame(
    left.all('revision').map(({ name }) => name),
    [4, 5, 6, 7, 8].map((revision) => `shop@${revision}`),
    'the documents of the others are removed',
  );
  t.match(await push(), { revision: 9 });
});

t.test('the contents of a revision that is read again do not come from the store', async (t) => {
  const { logger } = keptLogger();
  const open = await FileStore.open(ownFolder(t), { logger, clock: systemClock });
  t.teardown(() => open.close());
  const store = new CountedStore(open);
  const projects = new Projects(new Ledger({ store, logger, random: Math.random }), systemClock);
  await projects.push(api('shop', { version: 'x'.repeat(20_000) }));
  let first: unknown;
  const read = async () => {
    first = (await projects.revision('shop', 1))?.project;
  };
  t.ok((await store.during(read)).charactersRead > 20_000);
  const before = first;
  t.match(await store.during(read), { read: 1, charactersRead: 'shop@1'.length }, 'the store only says that it is there');
  t.equal(first, before, 'the very same project');
});

t.test('revisions that are deployed, or can be rolled back to, are kept', async (t) => {
  const { deployments, push, numbers } = await setUp(t);
  for (let round = 0; round < 3; round++) {
    await push();
    await deployments.deploy('production', 'shop', {});
  }
  for (let round = 0; round < 6; round++) await push();
  t.strictSame(await numbers(), [1, 2, 3, 8, 9]);
  await deployments.deploy('production', 'shop', {});
  for (let round = 0; round < 3; round++) await push();
  t.strictSame(await numbers(), [1, 2, 3, 9, 12], 'all revisions in use, and the newest');
  await push();
  t.strictSame(await numbers(), [1, 2, 3, 9, 13]);
  t.match(await deployments.rollback('production', 'shop', {}), { deployment: { revision: 3 } });
  await deployments.undeploy('production', 'shop', {});
  await push();
  t.strictSame(await numbers(), [2, 3, 9, 13, 14]);
});

t.test('when all revisions are in use, none is removed', async (t) => {
  const { deployments, push, numbers } = await setUp(t);
  for (let round = 0; round < 7; round++) {
    await push();
    await deployments.deploy('production', 'shop', {});
  }
  t.strictSame(await numbers(), [1, 2, 3, 4, 5, 6, 7]);
});

t.test('a revision that is deployed while it is about to be removed is either deployed or refused', async (t) => {
  const { deployments, push } = await setUp(t);
  for (let round = 0; round < most; round++) await push();
  for (let round = 1; round < 30; round++) {
    const [deployed] = await Promise.allSettled([deployments.deploy('production', 'shop', { revision: round }), push()]);
    if (deployed.status === 'rejected') t.match(deployed.reason, { code: 'not-found' });
    const { projects } = await deployments.snapshot('production');
    t.ok(projects.length <= 1);
  }
});

t.test('revisions are bounded by octets too: the newest and those in use stay, however large', async (t) => {
  const { deployments, projects, push, numbers, log } = await setUp(t, 10_000);
  await push(4000);
  await deployments.deploy('production', 'shop', {});
  await push(4000);
  t.strictSame(await numbers(), [1, 2]);
  t.strictSame(log, []);
  await push(4000);
  t.strictSame(await numbers(), [1, 3], 'the deployed one stays');
  t.match(log, [{ project: 'shop', revisions: [2], mostOctets: 10_000 }], 'the log says what was removed');
  await deployments.deploy('production', 'shop', {});
  await push(12_000);
  t.strictSame(await numbers(), [1, 3, 4], 'what runs, what it was before, and the newest');
  const [summary] = await projects.list();
  t.ok((summary?.revisions.at(-1)?.octets ?? 0) > 12_000);
  await deployments.undeploy('production', 'shop', {});
  await push();
  t.strictSame(await numbers(), [5], 'everything else goes once nothing uses it');
});

t.test('a large revision is examined by another process, once for the same variables', async (t) => {
  const { ledger, projects } = await setUp(t);
  const asked: Readonly<Record<string, string>>[] = [];
  const revisions = new DeployableRevisions(ledger, async (text, variables) => {
    asked.push(variables);
    return examineRevision(text, variables);
  });
  const resources = Array.from({ length: 1000 }, (_, index) => ({ path: `/things/${index}` }));
  await projects.push(project.parse({ ...api('shop'), targets: { default: { url: 'http://${variables.host}' } }, resources }));
  const found = await revisions.find('shop', 1, { host: 'a' });
  t.match(found, { basePath: '/shop', hash: /^[0-9a-f]{64}$/, faults: [] });
  t.strictSame(await revisions.find('shop', 1, { host: 'a' }), found);
  t.strictSame(asked, [{ host: 'a' }], 'the second answer is the first one');
  t.match(await revisions.find('shop', 1, {}), { faults: [{ path: 'targets.default.url' }] }, 'other variables have other faults');
  t.equal(asked.length, 2);
  t.equal(await revisions.find('shop', 2, {}), undefined);

  const without = new DeployableRevisions(ledger, () => Promise.reject(new Error('the process ended')));
  t.strictSame(await without.find('shop', 1, { host: 'a' }), found, 'this process does it if the other one fails');
  await projects.push(api('small'));
  t.match(await revisions.find('small', 1, {}), { basePath: '/small', faults: [] });
  t.equal(asked.length, 2, 'a small one is not worth the way');
});

t.test('contents are sent to servers as they were stored, and parsed where they are read', async (t) => {
  const { ledger, projects } = await setUp(t);
  await projects.push(api('shop', { version: 'with "hash":"x"} in it' }));
  const stored = await projects.revision('shop', 1);
  const contents = new RevisionContents(ledger, new Snapshots(ledger), systemClock);
  const result = await contents.read([{ name: 'shop', revision: 1 }]);
  const { project, hash } = stored ?? {};
  t.strictSame(JSON.parse(await answerText('revisions', { call: 7, result })), {
    call: 7,
    result: [{ name: 'shop', revision: 1, hash, project }],
  });
  t.strictSame(result[0]?.project, project);
});
