import type { Test } from 'tap';
import type { Snapshot } from '../../src/model/snapshot.ts';
import type { Open } from './registry.ts';
import { api, deployed, listen, mustHash } from './registry-samples.ts';

/** Snapshot of a registry whose data was lost. */
function lost(version: number, revisions: Readonly<Record<string, number>>): Snapshot {
  const projects = Object.entries(revisions).map(([name, revision]) => ({
    name,
    revision,
    project: api(name, { version: `${revision}` }),
  }));
  return { epoch: 'lost', version, hash: '0'.repeat(64), environment: 'production', variables: { old: 'x' }, projects };
}

/** Restoration of deployments from a server's snapshot, after the registry's data was lost. */
export function restoring(t: Test, open: Open): void {
  t.test('an environment without any deployment is restored; operators continue from there', async (t) => {
    const { registry, other } = await open(t);
    await registry.putEnvironment('production', { variables: { host: 'x' } });
    const heard = await listen(t, other);
    t.equal(await registry.restore(lost(7, { account: 2, shop: 5 })), true);
    const snapshot = await other.snapshot('production');
    t.match(snapshot, { version: 8, variables: { host: 'x' } }, 'variables are those of the environment');
    t.not(snapshot.epoch, 'lost');
    t.same(
      snapshot.projects.map(({ name, revision, project }) => [name, revision, project]),
      [
        ['account', 2, api('account', { version: '2' })],
        ['shop', 5, api('shop', { version: '5' })],
      ],
    );
    mustHash(t, snapshot);
    await heard.until((news) => news.kind === 'snapshot' && news.name === 'production' && news.version === 8);
    const [, shop] = await registry.projects();
    t.match(shop, { name: 'shop', latest: 5, revisions: [{ revision: 5, version: '5' }] });
    t.same(Object.keys(shop ?? {}).sort(), ['latest', 'name', 'revisions']);

    t.match(await registry.pushProject(api('shop', { version: '5' })), { revision: 5, created: false });
    t.match(await registry.pushProject(api('shop', { version: 'new' })), { revision: 6, created: true });
    t.match(await registry.deploy('production', 'shop'), { version: 9 });
    t.match(await registry.rollback('production', 'shop'), { version: 10, deployment: { name: 'shop', revision: 5 } });
  });

  t.test('fallbacks are restored as well', async (t) => {
    const { registry } = await open(t);
    await registry.putEnvironment('production', {});
    const offered = lost(7, { shop: 5 });
    const fallback = { revision: 4, project: api('shop', { version: '4' }) };
    t.equal(await registry.restore({ ...offered, projects: offered.projects.map((project) => ({ ...project, fallback })) }), true);
    const snapshot = await registry.snapshot('production');
    t.same(snapshot.projects[0]?.fallback, fallback);
    mustHash(t, snapshot);
    t.match(await registry.projects(), [{ latest: 5, revisions: [{ revision: 4 }, { revision: 5 }] }]);
  });

  t.test('of several snapshots the newest wins, in whatever order they are offered', async (t) => {
    const { registry, other } = await open(t);
    await registry.putEnvironment('production', {});
    t.equal(await registry.restore(lost(6, { shop: 4 })), true);
    t.equal(await other.restore(lost(6, { shop: 4 })), false, 'restored already');
    t.equal(await other.restore(lost(5, { shop: 3 })), false);
    await registry.putEnvironment('production', { variables: { host: 'y' } });
    t.equal(await other.restore(lost(9, { account: 1, shop: 5 })), true);
    const snapshot = await registry.snapshot('production');
    t.match(snapshot, { version: 10, variables: { host: 'y' }, projects: [{ name: 'account' }, { name: 'shop', revision: 5 }] });
    mustHash(t, snapshot);
    t.equal(await registry.restore({ ...lost(20, { shop: 1 }), epoch: 'another' }), false, 'a snapshot of a third registry');
    t.same(
      (await registry.projects()).map(({ name, revisions }) => [name, ...revisions.map(({ revision }) => revision)]),
      [
        ['account', 1],
        ['shop', 4, 5],
      ],
    );
  });

  t.test('two environments can be restored with different revisions of one project', async (t) => {
    const { registry } = await open(t);
    for (const name of ['production', 'staging']) await registry.putEnvironment(name, {});
    await registry.restore({ ...lost(9, { shop: 5 }), environment: 'staging' });
    await registry.restore(lost(6, { shop: 4 }));
    t.match(await registry.snapshot('production'), { projects: [{ revision: 4 }] });
    t.match(await registry.projects(), [{ latest: 5, revisions: [{ revision: 4 }, { revision: 5 }] }]);
    t.match(await registry.pushProject(api('shop', { version: '5' })), { revision: 5, created: false });
    await registry.pushProject(api('shop', { version: 'new' }));
    await registry.putEnvironment('development', {});
    t.equal(
      await registry.restore({ ...lost(3, { shop: 7 }), environment: 'development' }),
      false,
      'it would hide the revision that was pushed',
    );
    t.equal(
      await registry.restore({ ...lost(3, { shop: 6 }), environment: 'development' }),
      false,
      'the number belongs to another content',
    );
    t.equal(await registry.restore({ ...lost(3, { shop: 2 }), environment: 'development' }), true);
    t.match(await registry.projects(), [{ latest: 6, revisions: [2, 4, 5, 6].map((revision) => ({ revision })) }]);
  });

  t.test('a restoration undoes nothing that operators did since', async (t) => {
    const { registry } = await open(t);
    const before = await deployed(registry, 'production', 'shop');
    t.equal(await registry.restore(lost(7, { account: 2 })), false, 'deployed to');
    t.same(await registry.snapshot('production'), before);
    await registry.undeploy('production', 'shop');
    t.equal(await registry.restore(lost(7, { account: 2 })), false, 'emptied on purpose');

    await registry.deleteEnvironment('production', { force: true });
    t.equal(await registry.restore(lost(7, { account: 2 })), false, 'deleted');
    await registry.putEnvironment('production', {});
    t.equal(await registry.restore(lost(7, { shop: 5 })), false, 'a project was pushed again');
    t.equal(await registry.restore({ ...lost(7, { account: 2 }), epoch: before.epoch }), false, 'the snapshot is one of this registry');
    t.equal(await registry.restore(lost(7, { account: 2 })), true);
    await registry.pushProject(api('account', { version: 'new' }));
    await registry.deploy('production', 'account');
    t.equal(await registry.restore(lost(12, { account: 4 })), false, 'deployed to, after it was restored');
    t.match(await registry.projects(), [
      { name: 'account', latest: 3 },
      { name: 'shop', latest: 1 },
    ]);
  });

  t.test('a malformed snapshot is refused', async (t) => {
    const { registry } = await open(t);
    await registry.putEnvironment('production', {});
    await t.rejects(registry.restore({ ...lost(7, {}), projects: [{ name: 'shop' }] } as never), { code: 'invalid' });
    t.match(await registry.snapshot('production'), { version: 0 });
  });
}
