import { Redis } from 'ioredis';
import t, { test } from 'tap';
import type { DeploymentsAnswer, ServerAnswer } from '../../src/api/answers.ts';
import { keyNames } from '../../src/registry/redis/redis-scripts.ts';
import { deployEcho, startTarget } from '../tools/echo.ts';
import { eventually } from '../tools/eventually.ts';
import { Load } from '../tools/load.ts';
import { pause } from '../tools/pause.ts';
import { startRedis } from '../tools/redis.ts';
import { serving, startBalancer } from '../tools/sluice-under-test.ts';
import { startShortLeased, ttl } from './short-leases.ts';

t.setTimeout(300_000);
// Side by side: each test waits for leases to end most of its time.
t.jobs = 3;

/** Keys whose loss Sluice makes good by itself. The contents of projects and revisions are nowhere else. */
const restored: readonly string[] = keyNames.filter((name) => name !== 'project' && name !== 'revision');

/** Keys that are lost one after the other, and what Redis does with writes meanwhile. */
const losses: readonly (readonly ['accepts' | 'refuses', readonly string[]])[] = [
  ['accepts', restored],
  ['refuses', keyNames.slice(0, keyNames.length / 2)],
  ['refuses', keyNames.slice(keyNames.length / 2)],
];

for (const [writes, names] of losses) {
  test(`keys that Redis evicts cost no request while it ${writes} writes: ${names.join(', ')}`, async (t) => {
    const redis = await startRedis(t);
    const admin = new Redis(redis.url).on('error', () => {});
    t.teardown(() => admin.disconnect());
    const target = await startTarget(t);
    const production = { listen: '127.0.0.1:0', exposeServer: true, health: { interval: '200ms', timeout: '10s' } };
    const balancer = await startBalancer(t, { registry: { url: redis.url } }, { production });
    await deployEcho(balancer, target.url);
    await Promise.all(['a', 'b'].map((id) => startShortLeased(t, id, redis.url)));
    await serving(balancer, ['a', 'b']);
    const deployed = async () => {
      const answer = (await balancer.api('GET', '/v1/environments/production/deployments').catch(() => undefined)) as
        | DeploymentsAnswer
        | undefined;
      return answer?.deployments.map(({ project, revision }) => `${project}@${revision}`).join(' ');
    };
    const load = new Load(balancer.address, '/echo/', { restMs: 100 });
    t.teardown(() => load.stop());
    await load.more(50);
    for (const name of names) {
      const failed = load.counts.wrong.length;
      if (writes === 'refuses') {
        await admin.config('SET', 'maxmemory', '1');
        // Redis allows DEL while it is out of memory.
        await admin.del(`{sluice}:${name}`);
        await pause(2 * ttl);
        await admin.config('SET', 'maxmemory', '0');
      } else await admin.del(`{sluice}:${name}`);
      await pause(2 * ttl);
      t.equal(load.counts.wrong.length - failed, 0, `${name}: ${load.counts.wrong.slice(failed, failed + 3).join(' | ')}`);
      if (!restored.includes(name)) continue;
      await eventually(deployed, (now) => now === 'echo@1', { what: `the deployment to be there again after the loss of ${name}` });
      await eventually(
        () => balancer.api('GET', '/v1/servers').catch(() => []) as Promise<ServerAnswer[]>,
        (servers) => servers.length === 2 && servers.every(({ state, leaseEndedAt }) => state === 'ready' && leaseEndedAt === undefined),
        { what: `both servers to hold their leases again after the loss of ${name}` },
      );
    }
    const { wrong, sent } = await load.stop();
    t.comment(`${wrong.length} of ${sent} requests failed`);
  });
}
