import t from 'tap';
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
