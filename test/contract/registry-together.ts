import type { Test } from 'tap';
import type { SluiceError } from '../../src/model/fault.ts';
import type { Open } from './registry.ts';
import { api, deployed, listen, mustHash, persistently, request } from './registry-samples.ts';

/** News. */
export function watching(t: Test, open: Open): void {
  t.test('every client gets news of every change once, and none of a call that changed nothing', async (t) => {
    const { registry, other } = await open(t);
    const heard = await listen(t, other);
    const server = { kind: 'server', name: 'one' } as const;
    const environment = { kind: 'environment', name: 'production' } as const;
    await registry.putEnvironment('production', {});
    await registry.putEnvironment('production', {});
    await registry.pushProject(api('shop'));
    await registry.pushProject(api('shop'));
    await registry.deploy('production', 'shop');
    await registry.deploy('production', 'shop');
    await registry.putEnvironment('production', { variables: { a: '1' } });
    await registry.join(request('one', { environment: 'production' }));
    await registry.join(request('one', { environment: 'production' }));
    for (let times = 0; times < 3; times++) await registry.renew({ id: 'one', instance: 'one-1', projects: [], leaving: true });
    await registry.patchServer('one', { draining: true });
    await registry.patchServer('one', { draining: true });
    await registry.assign('one', undefined);
    await registry.assign('one', undefined);
    await registry.leave('one', 'one-1');
    await registry.leave('one', 'one-1');
    await registry.undeploy('production', 'shop');
    await registry.deleteEnvironment('production');
    await registry.putEnvironment('end', {});
    await heard.until((news) => news.kind === 'environment' && news.name === 'end');
    t.same(heard.all.slice(0, -1), [
      environment,
      { kind: 'project', name: 'shop' },
      { kind: 'snapshot', name: 'production', version: 1 },
      environment,
      { kind: 'snapshot', name: 'production', version: 2 },
      server,
      { ...server, own: true },
      server,
      server,
      server,
      { kind: 'snapshot', name: 'production', version: 3 },
      environment,
    ]);
  });

  t.test('a watch for one server gets no news of other servers; a closed watch gets none', async (t) => {
    const { registry, other } = await open(t);
    const mine = await listen(t, other, 'one');
    const closed = await listen(t, other);
    closed.watch.close();
    await registry.join(request('two'));
    await registry.join(request('one'));
    await registry.renew({ id: 'one', instance: 'one-1', projects: [], leaving: true });
    await deployed(registry, 'production', 'shop');
    await registry.leave('two', 'two-1');
    await registry.putEnvironment('end', {});
    await mine.until((news) => news.kind === 'environment' && news.name === 'end');
    t.same(
      mine.all.filter(({ kind }) => kind === 'server'),
      [{ kind: 'server', name: 'one' }],
      'and none of its own reports',
    );
    t.ok(mine.all.some(({ kind }) => kind === 'snapshot'));
    t.same(closed.all, []);
  });

  t.test('after its connections were cut, a watch gets resync and later news', async (t) => {
    const { registry, other, disconnect } = await open(t);
    if (!disconnect) return t.pass('there are no connections');
    const heard = await listen(t, other);
    for (let times = 0; times < 2; times++) {
      const { since } = other.link;
      heard.all.length = 0;
      await disconnect();
      await heard.until(({ kind }) => kind === 'resync');
      t.ok(other.link.up);
      t.ok(other.link.since > since);
      await persistently(() => registry.putEnvironment(`after-${times}`, {}));
      await heard.until((news) => news.kind === 'environment' && news.name === `after-${times}`);
    }
    t.ok(await other.environment('after-1'));
  });

  t.test('a closed registry answers nothing more', async (t) => {
    const { other } = await open(t);
    const watch = other.watch(() => t.fail('no news'));
    await other.close();
    await watch.ready;
    await t.rejects(other.putEnvironment('production', {}), { code: 'unavailable' });
    await other.close();
  });
}

/** Many at once. */
export function racing(t: Test, open: Open): void {
  t.test('no change is lost when many deploy at once', async (t) => {
    const { registry, other } = await open(t);
    await registry.putEnvironment('production', {});
    const heard = await listen(t, other);
    const names = Array.from({ length: 24 }, (_, index) => `api-${index + 10}`);
    await Promise.all(names.map((name) => registry.pushProject(api(name))));
    const results = await Promise.all(names.map((name, index) => (index % 2 ? registry : other).deploy('production', name)));
    t.same(
      results.map(({ version }) => version).sort((one, two) => one - two),
      names.map((_, index) => index + 1),
      'each deploy raises the version by one',
    );
    const last = await registry.snapshot('production');
    t.same(
      last.projects.map(({ name }) => name),
      names,
    );
    mustHash(t, last);
    await heard.until((news) => news.kind === 'snapshot' && news.version === names.length);
    t.same(
      results.map(({ deployment }) => deployment?.name),
      names,
    );
    t.equal(new Set(results.map(({ hash }) => hash)).size, names.length);
  });

  t.test('however many deploy through one process, none gives up', async (t) => {
    const { registry } = await open(t);
    await registry.putEnvironment('production', {});
    const names = Array.from({ length: 60 }, (_, index) => `api-${index + 10}`);
    await Promise.all(names.map((name) => registry.pushProject(api(name))));
    await Promise.all(names.map((name) => registry.deploy('production', name)));
    await Promise.all(names.map((name) => registry.undeploy('production', name)));
    t.equal((await registry.snapshotId('production')).version, 2 * names.length);
  });

  t.test('of many deploys that expect the same version, one succeeds', async (t) => {
    const { registry, other } = await open(t);
    await registry.putEnvironment('production', {});
    const names = Array.from({ length: 8 }, (_, index) => `api-${index}`);
    await Promise.all(names.map((name) => registry.pushProject(api(name))));
    const outcomes = await Promise.allSettled(
      names.map((name, index) => (index % 2 ? registry : other).deploy('production', name, { expect: 0 })),
    );
    t.equal(outcomes.filter(({ status }) => status === 'fulfilled').length, 1);
    for (const outcome of outcomes) if (outcome.status === 'rejected') t.equal(outcome.reason.code, 'version-mismatch');
  });

  t.test('revisions pushed at the same time are numbered without a gap', async (t) => {
    const { registry, other } = await open(t);
    const pushed = await Promise.all(
      Array.from({ length: 12 }, (_, index) => (index % 2 ? registry : other).pushProject(api('shop', { version: `${index}` }))),
    );
    t.same(
      pushed.map(({ revision }) => revision).sort((one, two) => one - two),
      Array.from({ length: 12 }, (_, index) => index + 1),
    );
    for (const { revision } of pushed) t.ok(await registry.revision('shop', revision));
  });

  t.test('a deploy while servers join reaches each server, by the snapshot in the answer or by later news', async (t) => {
    const { registry, other } = await open(t);
    await registry.putEnvironment('production', {});
    const names = Array.from({ length: 6 }, (_, index) => `api-${index}`);
    await Promise.all(names.map((name) => registry.pushProject(api(name))));
    const deploying = (async () => {
      for (const name of names) await other.deploy('production', name);
    })();
    const joining = Array.from({ length: 12 }, async (_, index) => {
      const heard = await listen(t, registry, `server-${index}`);
      const { snapshot } = await registry.join(request(`server-${index}`, { environment: 'production' }));
      if (snapshot) mustHash(t, snapshot);
      if (snapshot?.version !== names.length) await heard.until((news) => news.kind === 'snapshot' && news.version === names.length);
    });
    await Promise.all([deploying, ...joining]);
    t.equal((await registry.servers()).length, 12);
  });

  t.test('no server stays in an environment that is deleted while servers join', async (t) => {
    const { registry, other } = await open(t);
    await registry.putEnvironment('production', {});
    const joining = Array.from({ length: 10 }, (_, index) =>
      registry
        .join(request(`server-${index}`, { environment: 'production' }))
        .catch((error: SluiceError) => t.equal(error.code, 'not-found')),
    );
    await other.deleteEnvironment('production', { force: true });
    await Promise.all(joining);
    for (const { environment } of await registry.servers()) t.equal(environment, undefined);
  });

  t.test('of several instances with one id, one holds the lease in the end', async (t) => {
    const { registry, other } = await open(t);
    await Promise.all(
      Array.from({ length: 8 }, (_, index) => (index % 2 ? registry : other).join(request('one', { instance: `one-${index}` }))),
    );
    const server = await registry.server('one');
    const renewals = await Promise.allSettled(
      Array.from({ length: 8 }, (_, index) => registry.renew({ id: 'one', instance: `one-${index}`, projects: [] })),
    );
    t.same(
      renewals.flatMap(({ status }, index) => (status === 'fulfilled' ? [`one-${index}`] : [])),
      [server?.instance],
    );
  });
}
