import t from 'tap';
import { FailoverSearch } from '../../src/registry/redis/failover-search.ts';

t.test('another master is looked for at once, and less often the longer none is found', async (t) => {
  let now = 0;
  const search = new FailoverSearch({ now: () => now });
  const readonly = new Error("READONLY You can't write against a read only replica.");
  const searched: number[] = [];
  for (; now < 120_000; now += 500) if (search.isDue(readonly)) searched.push(now / 1000);
  t.strictSame(searched, [0, 1, 3, 7, 15, 31, 61, 91]);
  t.notOk(search.isDue(new Error("OOM command not allowed when used memory > 'maxmemory'.")));
  now += 120_000;
  t.ok(search.isDue(readonly), 'another failover');
  t.notOk(search.isDue(readonly));
  now += 1000;
  t.ok(search.isDue(readonly));
});
