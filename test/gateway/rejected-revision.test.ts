import t from 'tap';
import type { SnapshotUpdate } from '../../src/model/snapshot-update.ts';
import { offer, projectOf } from './samples.ts';
import { world } from './world.ts';

const shop = (url: string) => projectOf({ name: 'shop', targets: { default: { url } } });

t.test('a rejected revision takes nothing down: not at a scale-out, not at a restart of all', async (t) => {
  const { registry, another, server, until } = await world(t);
  const good = { revision: 1, project: shop('http://a') };
  await registry.restore(offer(1, { revision: 2, project: shop('${variables.absent}'), fallback: good }));
  const serves = async (one: ReturnType<typeof server>) => {
    one.leaseKeeper.start();
    await until('acknowledged', async () => (await one.record())?.running?.version === 2);
    t.match((await one.record())?.projects, [{ name: 'shop', revision: 1, state: 'rejected', error: /absent/ }]);
    t.match(one.applier.table?.projects, [{ name: 'shop', revision: 1 }]);
  };
  const first = server('s1', { environment: 'one' });
  await serves(first);
  await serves(server('new', { environment: 'one' }));

  // This revision is replaced by one that has no fallback, as a registry of the previous release would do it.
  const older = await another('older');
  await older.restore(offer(4, { revision: 3, project: shop('${variables.gone}') }));
  first.access.real = older;
  await until('the next revision', async () => first.applier.running?.version === 5);
  t.match(first.applier.states, [{ revision: 1, state: 'rejected', error: /gone/ }]);
  await first.store.settled();
  const restarted = server('s1', { environment: 'one', instance: 's1-2', secret: 'the-secret-of-s1-1' });
  const stored = await restarted.store.load();
  t.match(stored?.put, [{ revision: 3, fallback: { revision: 1 } }], 'what runs is on disk');
  restarted.applier.apply(stored as SnapshotUpdate);
  restarted.access.real = older;
  restarted.leaseKeeper.start();
  await until(
    'joined again',
    async () => (await older.server('s1'))?.instance === 's1-2' && (await older.server('s1'))?.running !== undefined,
  );
  t.match(restarted.applier.table?.projects, [{ name: 'shop', revision: 1 }]);
});
