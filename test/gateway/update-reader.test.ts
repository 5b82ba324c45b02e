import t from 'tap';
import { SluiceError } from '../../src/model/fault.ts';
import type { RevisionId } from '../../src/model/manifest.ts';
import { projectOf } from './samples.ts';
import { world } from './world.ts';

const shop = (url: string) => projectOf({ name: 'shop', targets: { default: { url } } });

t.test('contents that a server has are not asked for again', async (t) => {
  const { registry, server, until } = await world(t);
  await registry.pushProject(shop('http://a'));
  await registry.pushProject(shop('http://b'));
  await registry.pushProject(projectOf({ name: 'other', basePath: '/other', targets: { default: { url: 'http://c' } } }));
  await registry.deploy('one', 'other');
  await registry.deploy('one', 'shop', { revision: 1 });
  const { leaseKeeper, record, access, store } = server('s1', { environment: 'one' });
  const asked: string[] = [];
  access.real = new Proxy(registry, {
    get: (target, key) => {
      if (key !== 'revisions') return Reflect.get(target, key, target);
      return (wanted: readonly RevisionId[]) => {
        asked.push(wanted.map(({ name, revision }) => `${name}@${revision}`).join(' '));
        return registry.revisions(wanted);
      };
    },
  });
  leaseKeeper.start();
  await until('both', async () => (await record())?.running?.version === 2);
  await registry.deploy('one', 'shop', { revision: 2 });
  await until('the second', async () => (await record())?.running?.version === 3);
  await registry.rollback('one', 'shop');
  await until('the first again', async () => (await record())?.running?.version === 4);
  t.match((await record())?.projects, [
    { name: 'other', revision: 1, state: 'active' },
    { name: 'shop', revision: 1, state: 'active' },
  ]);
  await registry.putEnvironment('one', { variables: { a: '1' } });
  await until('the variables', async () => (await record())?.running?.version === 5);
  t.same(asked, ['other@1 shop@1', 'shop@2']);
  await store.settled();
});

t.test('a server that reads for longer than its lease, with failures, keeps the lease and what it has read', async (t) => {
  const { registry, server, until, clock } = await world(t);
  const names = Array.from({ length: 10 }, (_, index) => `p${index}`);
  for (const name of names) {
    await registry.pushProject(projectOf({ name }));
    await registry.deploy('one', name);
  }
  const ttl = 9000;
  const { leaseKeeper, record, access, store } = server('s1', { environment: 'one', ttl });
  const received: string[] = [];
  let asked = 0;
  access.real = new Proxy(registry, {
    get: (target, key) => {
      if (key !== 'revisions') return Reflect.get(target, key, target);
      return async (wanted: readonly RevisionId[]) => {
        await new Promise<void>((resolve) => clock.after(ttl / 3, resolve));
        if (++asked % 3 === 0) throw new SluiceError('unavailable', 'no answer');
        const answer = await registry.revisions(wanted.slice(0, 1));
        received.push(...answer.map(({ name }) => name));
        return answer;
      };
    },
  });
  const begun = clock.now();
  leaseKeeper.start();
  await until('registered', record);
  await until('everything is read', async () => {
    const now = await record();
    if ((now?.leaseRemaining ?? 0) <= 0) throw new Error('the lease has ended');
    return now?.running?.version === names.length;
  });
  t.ok(clock.now() - begun > 3 * ttl, 'the whole took longer than the lease');
  t.same(received, names, 'nothing was read twice');
  t.equal(access.calls.filter(({ method }) => method === 'join').length, 1);
  const whole = access.calls.filter(({ answer }) => (answer as { update?: unknown } | undefined)?.update !== undefined);
  t.equal(whole.length, 1, 'the manifest was sent once');
  await store.settled();
});
