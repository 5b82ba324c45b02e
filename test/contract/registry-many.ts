import type { Test } from 'tap';
import type { ManifestEntry } from '../../src/model/manifest.ts';
import type { SnapshotId } from '../../src/model/snapshot-id.ts';
import type { Registry } from '../../src/registry/contract.ts';
import type { Open } from './registry.ts';
import { after, api, mustHash, request } from './registry-samples.ts';

/** More projects than the environment's own document holds. */
const many = 70;

async function pushed(registry: Registry, count: number): Promise<string[]> {
  const names = Array.from({ length: count }, (_, index) => `api-${index + 100}`);
  for (const name of names) await registry.pushProject(api(name));
  return names;
}

async function deployedMany(registry: Registry): Promise<string[]> {
  await registry.putEnvironment('production', {});
  const names = await pushed(registry, many);
  for (const name of names) await registry.deploy('production', name);
  return names;
}

function idOf({ epoch, version, hash }: SnapshotId): SnapshotId {
  return { epoch, version, hash };
}

function revisionsOf(entries: readonly ManifestEntry[]) {
  return entries.map(({ name, revision }) => `${name}@${revision}`);
}

/** Many deployments, and what servers are told of changes. */
export function manyDeployments(t: Test, open: Open): void {
  t.test('many deployments are found, replaced, rolled back and removed as few are', async (t) => {
    const { registry, other } = await open(t);
    const names = await deployedMany(registry);
    const before = await other.snapshot('production');
    t.equal(before.version, many);
    t.same(
      before.projects.map(({ name }) => name),
      names,
    );
    mustHash(t, before);

    await registry.pushProject(api('api-103', { version: '2' }));
    const second = await after(other, other.deploy('production', 'api-103'));
    mustHash(t, second);
    t.match(second.projects[3], { name: 'api-103', revision: 2, fallback: { revision: 1 } });
    t.equal(second.projects.length, many);
    const back = await after(registry, registry.rollback('production', 'api-103'));
    mustHash(t, back);
    t.match(back.projects[3], { name: 'api-103', revision: 1 });
    t.match(await other.deploy('production', 'api-103', { revision: 1 }), idOf(back), 'the same deploy again changes nothing');
    await t.rejects(other.rollback('production', 'api-103'), { code: 'not-found', message: /nothing to roll back to/ });

    await registry.pushProject(api('rival', { basePath: '/api-10%34/' }));
    await t.rejects(other.deploy('production', 'rival'), { code: 'base-path-taken', message: /"api-104" \(revision 1\)/ });
    await registry.pushProject(api('api-104', { basePath: '/moved' }));
    await registry.deploy('production', 'api-104');
    await registry.deploy('production', 'rival');
    await t.rejects(registry.rollback('production', 'api-104'), { code: 'base-path-taken', message: /"rival"/ });
    await registry.undeploy('production', 'rival');
    mustHash(t, await after(registry, registry.rollback('production', 'api-104')));

    await t.rejects(registry.undeploy('production', 'rival'), { code: 'not-found', message: /api-1.. and 60 more/ });
    for (const name of names.slice(1)) await registry.undeploy('production', name);
    const last = await registry.snapshot('production');
    t.same(
      last.projects.map(({ name }) => name),
      names.slice(0, 1),
    );
    mustHash(t, last);
    await t.rejects(registry.deleteEnvironment('production'), { code: 'not-empty', message: /1 deployment/ });
    await registry.undeploy('production', names[0] as string);
    await registry.deleteEnvironment('production');
  });

  t.test('variables are checked against many deployments', async (t) => {
    const { registry } = await open(t);
    await registry.putEnvironment('production', { variables: { host: 'x' } });
    for (const name of await pushed(registry, many)) await registry.deploy('production', name);
    await registry.pushProject({ ...api('shop'), targets: { default: { url: 'http://${variables.host}' } } });
    await registry.deploy('production', 'shop');
    await t.rejects(registry.putEnvironment('production', { variables: {} }), { code: 'invalid', message: /project shop@1/ });
    await registry.putEnvironment('production', { variables: { host: 'y' } });
    const snapshot = await registry.snapshot('production');
    t.match(snapshot, { version: many + 2, variables: { host: 'y' } });
    mustHash(t, snapshot);
  });

  t.test('an environment of the same name begins without what a deleted one had', async (t) => {
    const { registry, other } = await open(t);
    await deployedMany(registry);
    const old = await registry.snapshot('production');
    await registry.deleteEnvironment('production', { force: true });
    await other.putEnvironment('production', {});
    t.same((await other.manifest('production')).put, []);
    await other.deploy('production', 'api-105');
    const { from, put } = await other.manifest('production', idOf(old));
    t.equal(from, undefined, 'there is no way from the deleted one');
    t.same(revisionsOf(put), ['api-105@1']);
  });

  t.test('revisions that many deployments use are kept', async (t) => {
    const { registry, other } = await open(t);
    await deployedMany(registry);
    t.match(await other.revisions([{ name: 'api-169', revision: 1 }]), [{ name: 'api-169', revision: 1, project: api('api-169') }]);
  });

  t.test('a server that holds a snapshot is told only what changed since', async (t) => {
    const { registry, other } = await open(t);
    const names = await deployedMany(registry);
    const { update } = await other.join(request('one', { environment: 'production', updates: true }));
    t.equal(update?.from, undefined);
    t.same(
      update?.put.map(({ name }) => name),
      names,
    );
    const holds = idOf(update as SnapshotId);
    const renewal = { id: 'one', instance: 'one-1', running: holds, projects: [], updates: true } as const;
    t.notOk('update' in (await registry.renew({ ...renewal, holds })), 'nothing changed');

    await registry.pushProject(api('api-103', { version: '2' }));
    await registry.deploy('production', 'api-103');
    await registry.undeploy('production', 'api-104');
    await registry.undeploy('production', 'api-105');
    await registry.deploy('production', 'api-105');
    const current = await registry.snapshot('production');
    const { update: next, snapshot } = await other.renew({ ...renewal, holds });
    t.equal(snapshot, undefined);
    t.match(next, { ...idOf(current), from: holds, removed: ['api-104'] });
    t.same(revisionsOf(next?.put ?? []), ['api-103@2', 'api-105@1']);
    t.match(next?.put[0], { since: many + 1, fallback: { revision: 1 } });

    const again = await other.join(
      request('one', { environment: 'production', updates: true, holds: { ...holds, environment: 'production' } }),
    );
    t.match(again.update, { from: holds, put: [{ name: 'api-103' }, { name: 'api-105' }] }, 'also when it joins again');
    const elsewhere = await other.join(request('one', { updates: true, holds: { ...holds, environment: 'staging' } }));
    t.equal(elsewhere.update?.from, undefined, 'unless it holds the snapshot of another environment');
    t.equal((await other.renew({ ...renewal, holds: { ...holds, hash: current.hash } })).update?.from, undefined, 'or an unknown one');
    t.match(await other.manifest('production', idOf(current)), { from: idOf(current), put: [], removed: [] });
  });

  t.test('a server that missed more changes than are kept is told everything', async (t) => {
    const { registry } = await open(t);
    await registry.putEnvironment('production', {});
    await registry.pushProject(api('shop'));
    const start = idOf(await registry.deploy('production', 'shop'));
    await registry.pushProject(api('shop', { version: '2' }));
    for (let version = 2; version <= 65; version++) await registry.deploy('production', 'shop', { revision: 2 - (version % 2) });
    t.match(await registry.manifest('production', start), { version: 65, from: start });
    await registry.rollback('production', 'shop');
    const whole = await registry.manifest('production', start);
    t.equal(whole.from, undefined);
    t.match(whole, { version: 66, put: [{ name: 'shop' }] });
  });

  t.test('variables that change are told as a change of none of the projects', async (t) => {
    const { registry, other } = await open(t);
    await registry.putEnvironment('production', {});
    await registry.pushProject(api('shop'));
    const before = idOf(await registry.deploy('production', 'shop'));
    await registry.putEnvironment('production', { variables: { a: '1' } });
    t.match(await other.manifest('production', before), { from: before, version: 2, variables: { a: '1' }, put: [], removed: [] });
    t.match(await other.snapshotId('production'), { version: 2 });
  });

  t.test('contents are told by revision, as they were pushed', async (t) => {
    const { registry, other } = await open(t);
    await registry.putEnvironment('production', {});
    await registry.pushProject(api('shop'));
    const { deployment } = await registry.deploy('production', 'shop');
    const [content, none] = await other.revisions([deployment as ManifestEntry, { name: 'shop', revision: 9 }]);
    t.match(content, { name: 'shop', revision: 1, hash: deployment?.hash as string, project: api('shop') });
    t.match(none, { name: 'shop', revision: 9, fault: /lost it/ });
    t.notOk('project' in (none as object));
    await t.rejects(other.revisions(Array.from({ length: 101 }, (_, index) => ({ name: 'shop', revision: index + 1 }))), {
      code: 'invalid',
    });
  });
}
