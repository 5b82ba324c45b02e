import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { eventually } from './eventually.ts';
import { ownFolder } from './own-folder.ts';
import type { Owner } from './owner.ts';
import { type RedisServer, startRedis } from './redis.ts';

const group = 'mymaster';

/** A Redis with a replica, and the Sentinels that watch over both. */
export interface Sentinels {
  /** `redis+sentinel://…`, with the addresses of all Sentinels. */
  readonly url: string;
  readonly master: RedisServer;
  readonly replica: RedisServer;
  /** Resolves when the replica has everything that the master has. */
  replicated(): Promise<void>;
}

/** Starts a master, a replica and real Sentinels, and resolves when a failover would succeed. They are killed when their owner ends. */
export async function startSentinels(owner: Owner, { count = 3 } = {}): Promise<Sentinels> {
  const master = await startRedis(owner);
  const replica = await startRedis(owner, { args: ['--replicaof', '127.0.0.1', `${master.port}`] });
  const quorum = Math.floor(count / 2) + 1;
  const settings = [
    `monitor ${group} 127.0.0.1 ${master.port} ${quorum}`,
    `down-after-milliseconds ${group} 1000`,
    `failover-timeout ${group} 3000`,
  ];
  const sentinels: RedisServer[] = [];
  for (let number = 0; number < count; number++) {
    const config = join(ownFolder(owner), 'sentinel.conf');
    writeFileSync(config, settings.map((line) => `sentinel ${line}\n`).join(''));
    sentinels.push(await startRedis(owner, { sentinel: config }));
  }
  const clientOf = (url: string) => {
    const client = new Redis(url).on('error', () => {});
    owner.teardown(() => client.disconnect());
    return client;
  };
  const linked = clientOf(replica.url);
  await eventually(
    () => linked.info('replication'),
    (info) => info.includes('master_link_status:up'),
  );
  for (const { url } of sentinels) {
    const client = clientOf(url);
    const known = async (kind: string) => ((await client.call('SENTINEL', kind, group)) as unknown[]).length;
    await eventually(
      async () => ({ replicas: await known('REPLICAS'), sentinels: await known('SENTINELS') }),
      (counts) => counts.replicas >= 1 && counts.sentinels >= count - 1,
    );
  }
  const writer = clientOf(master.url);
  return {
    url: `redis+sentinel://${sentinels.map(({ port }) => `127.0.0.1:${port}`).join(',')}/${group}`,
    master,
    replica,
    async replicated() {
      // WAIT covers the master's history up to the last command of its own connection: PING moves that to now.
      await writer.ping();
      if ((await writer.wait(1, 5000)) < 1) throw new Error('the replica has not followed within 5 s');
    },
  };
}
