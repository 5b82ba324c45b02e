import t from 'tap';
import { soak } from './soak.ts';

t.test('after ten seconds of every kind of client and server, all counts return to 0 and memory does not grow', async (t) => {
  const { exchanges, memory, ...counts } = await soak(10_000);
  t.ok(exchanges > 100, `${exchanges} exchanges`);
  t.strictSame(counts, { connections: 0, active: 0, upstreamActive: 0, upgraded: 0, pooled: 0, watched: 0, sockets: 0 });
  t.ok(memory.late < memory.early * 1.3 + 8 * 1024 * 1024, `${memory.early >> 10} KiB, later ${memory.late >> 10} KiB`);
});
