import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import type { Test } from 'tap';
import { type RedisServer, startRedis } from './redis.ts';

const group = 'mymaster';

/** A Redis with a replica, and who watches over them. */
export interface Sentinels {
  /** `redis+sentinel://…` of all of them. */
  readonly url: string;
  readonly master: RedisServer;
  readonly replica: RedisServer;
  /** Settles once what the master has was taken over by its replica. */
  replicated(): Promise<void>;
}

/** Starts a master, a replica and real Sentinels; settles when a failover would succeed. Killed when the test ends. */
export async function startSentinels(t: Pick<Test, 'teardown'>, { count = 3 } = {}): Promise<Sentinels> {
  const master = await startRedis(t);
  const replica = await startRedis(t, { args: ['--replicaof', '127.0.0.1', `${master.port}`] });
  const quorum = Math.floor(count / 2) + 1;
  const settings = [
    `monitor ${group} 127.0.0.1 ${master.port} ${quorum}`,
    `down-after-milliseconds ${group} 1000`,
    `failover-timeout ${group} 3000`,
  ];
  const sentinels: RedisServer[] = [];
  for (let number = 0; number < count; number++) {
    const folder = mkdtempSync(join(tmpdir(), 'sluice-sentinel-'));
    t.teardown(() => rmSync(folder, { recursive: true, force: true }));
    const config = join(folder, 'sentinel.conf');
    writeFileSync(config, settings.map((line) => `sentinel ${line}\n`).join(''));
    sentinels.push(await startRedis(t, { sentinel: config }));
  }
  const asked = (url: string) => {
    const client = new Redis(url).on('error', () => {});
    t.teardown(() => client.disconnect());
    return client;
  };
  const linked = asked(replica.url);
  while (!/master_link_status:up/.test(await linked.info('replication')));
  for (const { url } of sentinels) {
    const client = asked(url);
    const knows = async (what: string) => ((await client.call('SENTINEL', what, group)) as unknown[]).length;
    while ((await knows('REPLICAS')) < 1 || (await knows('SENTINELS')) < count - 1);
  }
  const first = asked(master.url);
  return {
    url: `redis+sentinel://${sentinels.map(({ port }) => `127.0.0.1:${port}`).join(',')}/${group}`,
    master,
    replica,
    async replicated() {
      // WAIT is about what its own connection has seen of the master's history, which begins with what that last asked.
      await first.ping();
      if ((await first.wait(1, 5000)) < 1) throw new Error('the replica has not followed within 5 s');
    },
  };
}
