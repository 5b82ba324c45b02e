import type { Test } from 'tap';
import { projectTag, serverTag } from '../../src/model/entity-tag.ts';
import type { Open } from './registry.ts';
import { api, listen, request } from './registry-samples.ts';

/** Operators' removals of projects, revisions and lost servers. */
export function removing(t: Test, open: Open): void {
  t.test('a revision is deleted unless an environment runs it or can fall back to it; its number is not used again', async (t) => {
    const { registry, other } = await open(t);
    for (const version of ['1', '2', '3', '4']) await registry.pushProject(api('shop', { version }));
    await registry.putEnvironment('production', {});
    await registry.putEnvironment('staging', {});
    await registry.deploy('production', 'shop', { revision: 1 });
    await registry.deploy('production', 'shop', { revision: 2 });
    await registry.deploy('staging', 'shop', { revision: 2 });
    const summary = async () => (await other.projects())[0];
    await t.rejects(other.deleteProject('shop', { revision: 2 }), {
      code: 'in-use',
      message: /revision 2 of project "shop".*"production" and "staging" run it/,
    });
    await t.rejects(other.deleteProject('shop', { revision: 1 }), {
      code: 'in-use',
      message: /revision 1.*"production" can be rolled back to it/,
    });
    await t.rejects(other.deleteProject('shop'), {
      code: 'in-use',
      message: /project "shop".*"production" and "staging" run it: sluice undeploy shop/,
    });
    await t.rejects(other.deleteProject('shop', { revision: 9 }), { code: 'not-found', message: /no revision 9; known: 1, 2, 3, 4/ });
    await t.rejects(other.deleteProject('shopp'), { code: 'not-found', message: /known: shop/ });

    const before = await summary();
    const heard = await listen(t, registry);
    await other.deleteProject('shop', { revision: 4 });
    await heard.until(({ kind, ...rest }) => kind === 'project' && 'name' in rest && rest.name === 'shop');
    t.match(await summary(), { latest: 3, revisions: [{ revision: 1 }, { revision: 2 }, { revision: 3 }] });
    t.equal(await registry.revision('shop', 4), undefined);
    t.equal((await registry.revision('shop'))?.revision, 3, 'the newest that is left');
    t.equal((await registry.deploy('staging', 'shop')).deployment?.revision, 3, 'also for a deploy');
    const expect = before && [projectTag(before)];
    await t.rejects(other.deleteProject('shop', { revision: 3, ...(expect && { expect }) }), { code: 'version-mismatch' });
    t.same(await registry.pushProject(api('shop', { version: '5' })), { name: 'shop', revision: 5, created: true });
    await registry.undeploy('production', 'shop');
    await registry.undeploy('staging', 'shop');
    await other.deleteProject('shop', { revision: 1 });
    t.match(
      (await summary())?.revisions.map(({ revision }) => revision),
      [2, 3, 5],
    );
  });

  t.test('a project is deleted with all of its revisions, or with the last of them', async (t) => {
    const { registry, other } = await open(t);
    await registry.putEnvironment('production', {});
    for (const version of ['1', '2']) await registry.pushProject(api('shop', { version }));
    await registry.pushProject(api('pay'));
    await registry.deploy('production', 'shop');
    await registry.undeploy('production', 'shop');
    const tag = (await registry.projects()).filter(({ name }) => name === 'shop').map(projectTag);
    await t.rejects(other.deleteProject('shop', { expect: ['other'] }), { code: 'version-mismatch' });
    await other.deleteProject('shop', { expect: tag });
    t.same(
      (await registry.projects()).map(({ name }) => name),
      ['pay'],
    );
    for (const revision of [1, 2]) t.equal(await registry.revision('shop', revision), undefined);
    await t.rejects(registry.deploy('production', 'shop'), { code: 'not-found' });
    await other.deleteProject('pay', { revision: 1 });
    t.same(await registry.projects(), []);
    t.same(await registry.pushProject(api('shop', { version: '2' })), { name: 'shop', revision: 1, created: true });
    t.equal((await registry.deploy('production', 'shop')).deployment?.revision, 1);
  });

  t.test('a project is either deployed or deleted, if both are asked for at once', async (t) => {
    const { registry, other } = await open(t);
    await registry.putEnvironment('production', {});
    for (let round = 0; round < 5; round++) {
      await registry.pushProject(api('shop'));
      const [deployed, deleted] = await Promise.allSettled([registry.deploy('production', 'shop'), other.deleteProject('shop')]);
      t.not(deployed.status, deleted.status);
      const { projects } = await registry.snapshot('production');
      t.equal(projects.length, deployed.status === 'fulfilled' ? 1 : 0);
      for (const { fault } of projects) t.equal(fault, undefined);
      if (projects.length > 0) await registry.undeploy('production', 'shop');
    }
  });

  t.test('a lost server is forgotten at once, with its assignment; a live one is refused', async (t) => {
    const { registry, other, leaseEnds } = await open(t);
    await registry.putEnvironment('production', {});
    await registry.join(request('a', { ttl: 1000 }));
    await registry.assign('a', 'production');
    await registry.patchServer('a', { weight: 7, draining: true });
    await t.rejects(other.forgetServer('a'), { code: 'in-use', message: /server "a" holds its lease.*sluice server remove a.*stop it/ });
    await t.rejects(other.forgetServer('aa'), { code: 'not-found', message: /known: a/ });
    await leaseEnds('a');
    const record = await registry.server('a');
    await t.rejects(other.forgetServer('a', { expect: ['other'] }), { code: 'version-mismatch' });
    const heard = await listen(t, registry);
    await other.forgetServer('a', record ? { expect: [serverTag(record)] } : {});
    await heard.until(({ kind, ...rest }) => kind === 'server' && 'name' in rest && rest.name === 'a');
    t.equal(await registry.server('a'), undefined);
    t.same(await registry.servers(), []);
    await t.rejects(other.forgetServer('a'), { code: 'not-found' });
    const { server } = await registry.join(request('a', { instance: 'a-2' }));
    t.match(server, { weight: 1, draining: false });
    t.equal(server.environment, undefined, 'the assignment is forgotten too');
  });

  t.test('an assignment that outlived its server is forgotten', async (t) => {
    const { registry, other } = await open(t);
    await registry.putEnvironment('production', {});
    await registry.join(request('a'));
    await registry.assign('a', 'production');
    await registry.leave('a', 'a-1');
    t.equal(await registry.server('a'), undefined);
    await other.forgetServer('a');
    t.equal((await registry.join(request('a', { instance: 'a-2' }))).server.environment, undefined);
  });
}
