import type { Test } from 'tap';
import type { JoinRequest } from '../../src/model/join.ts';
import type { Open } from './registry.ts';
import { after, api, deployed, listen, request } from './registry-samples.ts';

/** Joins. */
export function joining(t: Test, open: Open): void {
  t.test('a join records the lease and is answered with the snapshot', async (t) => {
    const { registry, other } = await open(t);
    const snapshot = await deployed(registry, 'production', 'shop');
    const joined = await registry.join(request('one', { environment: 'production', weight: 3 }));
    t.same(joined.snapshot, snapshot);
    t.match(joined.server, {
      id: 'one',
      instance: 'one-1',
      environment: 'production',
      weight: 3,
      draining: false,
      leaving: false,
      projects: [],
    });
    t.equal(joined.server.leaseRemaining, 10_000);
    const seen = await other.server('one');
    t.ok((seen?.leaseRemaining ?? 0) > 0 && (seen?.leaseRemaining ?? 0) <= 10_000);
    t.same({ ...seen, leaseRemaining: 0 }, { ...joined.server, leaseRemaining: 0 });
    t.same(
      (await other.servers()).map(({ id }) => id),
      ['one'],
    );
    t.equal(await other.server('two'), undefined);
  });

  t.test('the servers of an environment, where they are now', async (t) => {
    const { registry, other } = await open(t);
    for (const name of ['production', 'development']) await registry.putEnvironment(name, {});
    for (const id of ['two', 'one']) await registry.join(request(id, { environment: 'production' }));
    await registry.join(request('three', { environment: 'development', source: 'http' }));
    await registry.join(request('four'));
    const idsOf = async (environment: string) => (await other.serversOf(environment)).map(({ id }) => id);
    t.strictSame(await idsOf('production'), ['one', 'two']);
    t.strictSame(await idsOf('development'), ['three']);
    await other.assign('three', 'production');
    await registry.leave('one', 'one-1');
    t.strictSame(await idsOf('production'), ['three', 'two']);
    t.strictSame(await idsOf('development'), []);
    t.strictSame(await idsOf('nowhere'), []);
    const [three] = await registry.serversOf('production');
    t.same({ ...three, leaseRemaining: 0 }, { ...(await registry.server('three')), leaseRemaining: 0 });
  });

  t.test('the environment of a join: where the instance is, else the requested one, else the assigned one, else none', async (t) => {
    const { registry } = await open(t);
    for (const name of ['production', 'development']) await registry.putEnvironment(name, {});
    const where = async (join: JoinRequest) => (await registry.join(join)).server.environment;
    t.equal(await where(request('one')), undefined, 'available');
    await registry.assign('one', 'production');
    t.equal(await where(request('one')), 'production', 'the same instance stays where it is');
    t.equal(await where(request('one', { environment: 'development' })), 'production', 'whatever it requests');
    t.equal(
      await where(request('one', { instance: 'one-2', environment: 'development' })),
      'development',
      'a new instance gets the environment that it requests',
    );
    t.equal(await where(request('one', { instance: 'one-3' })), 'production', 'or the one that the id was assigned to');
    await registry.leave('one', 'one-3');
    t.equal(await where(request('one', { instance: 'one-4' })), 'production', 'even after it left');
    await registry.assign('one', undefined);
    t.equal(await where(request('one', { instance: 'one-5' })), undefined);
    await t.rejects(registry.join(request('two', { environment: 'nowhere' })), { code: 'not-found', message: /development, production/ });
    t.equal(await registry.server('two'), undefined);
    await registry.putEnvironment('nowhere', {});
    t.equal(await where(request('two', { environment: 'nowhere' })), 'nowhere', 'once it exists');
  });

  t.test('a new instance takes the id over', async (t) => {
    const { registry } = await open(t);
    await registry.join(request('one'));
    await registry.patchServer('one', { weight: 7 });
    await registry.join(request('one', { instance: 'one-2', address: '127.0.0.1:2' }));
    t.match(await registry.server('one'), { instance: 'one-2', address: '127.0.0.1:2', weight: 7 });
    await t.rejects(registry.renew({ id: 'one', instance: 'one-1', projects: [] }), { code: 'not-found', message: /join again/ });
    await registry.leave('one', 'one-1');
    t.match(await registry.server('one'), { instance: 'one-2' }, 'the earlier instance cannot end the lease');
    t.equal(
      (await registry.join(request('one', { instance: 'one-3', weight: 2 }))).server.weight,
      2,
      'the weight in the request comes first',
    );
  });

  t.test('a live id is taken over only with the secret that its holder has joined with; no answer shows the secret', async (t) => {
    const { registry, other, leaseEnds } = await open(t);
    const secret = 'the-secret-of-one';
    await registry.putEnvironment('production', {});
    await registry.join(request('one', { environment: 'production', secret, ttl: 60_000 }));
    for (const more of [
      {},
      { secret: 'another-secret-of-one' },
      { address: '127.0.0.1:2' },
      { address: '10.0.0.1:1' },
      { source: 'http' as const },
    ]) {
      const taking = other.join(request('one', { instance: 'one-2', ...more }));
      await t.rejects(taking, { code: 'conflict', message: /another gateway runs as "one"; give each its own --id/ }, JSON.stringify(more));
    }
    await t.rejects(
      other.join(request('one', { instance: 'one-2', secret, yields: true })),
      { code: 'conflict' },
      'a former holder gives way',
    );
    t.match(await registry.server('one'), { instance: 'one-1' });
    t.match(await other.join(request('one', { instance: 'one-2', secret, address: '10.0.0.1:1' })), { server: { instance: 'one-2' } });
    await other.join(request('one', { instance: 'one-3', secret, ttl: 60 }));
    await leaseEnds('one');
    t.match(
      await other.join(request('one', { instance: 'one-4', ttl: 60_000 })),
      { server: { instance: 'one-4' } },
      'free once the lease has ended',
    );
    const answers = [
      await registry.join(request('two', { secret })),
      await registry.renew({ id: 'two', instance: 'two-1', projects: [], secret }),
      await registry.server('two'),
      await registry.servers(),
      await registry.assign('two', 'production'),
      await registry.patchServer('two', { weight: 2 }),
    ];
    t.notMatch(JSON.stringify(answers), /holder|secret/);
    await t.rejects(registry.join(request('three', { secret: 'short' })), { code: 'invalid' });
  });

  t.test('a malformed request is refused', async (t) => {
    const { registry } = await open(t);
    for (const wrong of [
      { id: 'a b' },
      { address: 'nowhere' },
      { ttl: 0 },
      { ttl: 1.5 },
      { weight: -1 },
      { instance: '' },
      { source: 'static' },
    ]) {
      await t.rejects(registry.join(request('one', wrong as never)), { code: 'invalid' }, JSON.stringify(wrong));
    }
    await t.rejects(registry.join(undefined as never), { code: 'invalid' });
    t.same(await registry.servers(), []);
  });
}

/** Renewals, and the end of leases. */
export function renewing(t: Test, open: Open): void {
  t.test('a renewal extends the lease, records what runs, and is answered with a snapshot only if it differs', async (t) => {
    const { registry, other } = await open(t);
    const snapshot = await deployed(registry, 'production', 'shop');
    await registry.join(request('one', { environment: 'production' }));
    const { epoch, version, hash } = snapshot;
    const running = { epoch, version, hash };
    const state = [{ name: 'shop', revision: 1, state: 'active' }] as const;
    const renewed = await registry.renew({ id: 'one', instance: 'one-1', running, projects: state, holds: running });
    t.equal(renewed.snapshot, undefined, 'the server holds it already');
    t.match(await other.server('one'), { running, projects: state });
    t.same((await registry.renew({ id: 'one', instance: 'one-1', running, projects: state })).snapshot, snapshot, 'the server holds none');

    await registry.pushProject(api('shop', { version: '2' }));
    const next = await after(other, other.deploy('production', 'shop'));
    t.same((await registry.renew({ id: 'one', instance: 'one-1', running, projects: state, holds: running })).snapshot, next);
    const rejected = [{ name: 'shop', revision: 1, state: 'rejected', error: 'no such target' }] as const;
    await registry.renew({ id: 'one', instance: 'one-1', running, projects: rejected, holds: running, leaving: true });
    t.match(await other.server('one'), { projects: rejected, leaving: true });
    await t.rejects(registry.renew({ id: 'two', instance: 'two-1', projects: [] }), { code: 'not-found' });
  });

  t.test('a lease that ended leaves the server visible as lost; a renewal brings it back', async (t) => {
    const { registry, other, leaseEnds } = await open(t);
    await registry.putEnvironment('production', {});
    await registry.join(request('one', { environment: 'production', ttl: 60 }));
    await leaseEnds('one');
    const [lost] = await other.servers();
    t.ok((lost?.leaseRemaining ?? 0) < 0);
    t.equal(lost?.environment, 'production');
    const heard = await listen(t, other);
    t.ok((await registry.renew({ id: 'one', instance: 'one-1', projects: [] })).server.leaseRemaining > 0);
    await heard.until((news) => news.kind === 'server' && news.name === 'one');
  });

  t.test('a server that announced its leaving and whose lease ended is removed, not lost', async (t) => {
    const { registry, other, leaseEnds } = await open(t);
    await registry.join(request('one', { ttl: 60 }));
    await registry.renew({ id: 'one', instance: 'one-1', projects: [], leaving: true });
    await leaseEnds('one');
    t.same(await other.servers(), []);
    t.equal(await other.server('one'), undefined);
  });

  t.test('leaving ends the lease', async (t) => {
    const { registry, other } = await open(t);
    await registry.join(request('one'));
    await registry.leave('one', 'one-1');
    t.equal(await other.server('one'), undefined);
    t.same(await other.servers(), []);
    await registry.leave('one', 'one-1');
    await t.rejects(registry.renew({ id: 'one', instance: 'one-1', projects: [] }), { code: 'not-found' });
  });
}

/** Operators' changes to servers. */
export function operating(t: Test, open: Open): void {
  t.test('an available server is assigned at once and gets the snapshot at its next renewal', async (t) => {
    const { registry, other } = await open(t);
    const snapshot = await deployed(registry, 'production', 'shop');
    t.equal((await registry.join(request('one'))).snapshot, undefined);
    t.match(await other.assign('one', 'production'), { id: 'one', environment: 'production' });
    const { server, snapshot: got } = await registry.renew({ id: 'one', instance: 'one-1', projects: [] });
    t.equal(server.environment, 'production');
    t.same(got, snapshot);
    await t.rejects(other.assign('two', 'production'), { code: 'not-found', message: /"two".*one/ });
    await t.rejects(other.assign('one', 'nowhere'), { code: 'not-found', message: /production/ });
  });

  t.test('a joined server moves once it is drained', async (t) => {
    const { registry, other } = await open(t);
    const old = await deployed(registry, 'production', 'shop');
    const wanted = await deployed(registry, 'development', 'shop');
    await registry.join(request('one', { environment: 'production' }));
    const running = { epoch: old.epoch, version: old.version, hash: old.hash };
    const report = { id: 'one', instance: 'one-1', running, projects: [], holds: running };
    t.match(await other.assign('one', 'development'), { environment: 'production', movingTo: 'development' });
    t.match((await registry.renew(report)).server, { environment: 'production', movingTo: 'development' });
    t.notOk('movingTo' in (await other.assign('one', 'production')), 'assigned to where it is: the move is cancelled');
    t.match((await registry.renew({ ...report, drained: true })).server, { environment: 'production' }, 'there is no move to complete');

    await other.assign('one', 'development');
    const { server, snapshot } = await registry.renew({ ...report, drained: true });
    t.equal(server.environment, 'development');
    t.notOk('movingTo' in server);
    t.notOk('running' in server, 'nothing of the new environment runs yet');
    t.match(snapshot, { environment: 'development' });
    t.same(snapshot?.hash, wanted.hash);

    t.match(await other.assign('one', undefined), { environment: 'development', movingTo: null });
    const available = await registry.renew({ ...report, drained: true });
    t.equal(available.server.environment, undefined);
    t.equal(available.snapshot, undefined);
  });

  t.test('a lost server, and one that registers by plain HTTP, moves at once', async (t) => {
    const { registry, leaseEnds } = await open(t);
    for (const name of ['production', 'development']) await registry.putEnvironment(name, {});
    await registry.join(request('plain', { environment: 'production', source: 'http' }));
    t.match(await registry.assign('plain', 'development'), { environment: 'development' });
    await registry.join(request('lost', { environment: 'production', ttl: 60 }));
    await leaseEnds('lost');
    const moved = await registry.assign('lost', 'development');
    t.equal(moved.environment, 'development');
    t.notOk('movingTo' in moved);
  });

  t.test('draining ends when the server moves to another environment or to none', async (t) => {
    const { registry, other } = await open(t);
    await other.putEnvironment('production', {});
    await registry.join(request('one', { environment: 'production' }));
    await other.patchServer('one', { draining: true });
    t.match(await other.assign('one', undefined), { movingTo: null, draining: true });
    const { server } = await registry.renew({ id: 'one', instance: 'one-1', projects: [], drained: true });
    t.equal(server.environment, undefined);
    t.equal(server.draining, false);
    t.match(await other.assign('one', 'production'), { environment: 'production', draining: false });
  });

  t.test('draining and weight as set by an operator outlive the instance', async (t) => {
    const { registry, other } = await open(t);
    await registry.join(request('one'));
    t.match(await other.patchServer('one', { draining: true, weight: 0 }), { draining: true, weight: 0 });
    t.match((await registry.renew({ id: 'one', instance: 'one-1', projects: [] })).server, { draining: true, weight: 0 });
    t.match((await registry.join(request('one', { instance: 'one-2' }))).server, { draining: true, weight: 0 });
    t.match(await other.patchServer('one', { draining: false }), { draining: false, weight: 0 });
    await t.rejects(other.patchServer('one', { weight: 1.5 }), { code: 'invalid' });
    await t.rejects(other.patchServer('one', { colour: 1 } as never), { code: 'invalid' });
    await t.rejects(other.patchServer('two', { weight: 1 }), { code: 'not-found' });
  });
}
