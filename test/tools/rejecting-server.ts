import { createServer } from 'node:http';
import type { JoinAnswer } from '../../src/model/join.ts';
import type { News } from '../../src/model/news.ts';
import type { DeployedProject } from '../../src/model/snapshot.ts';
import { openRegistry } from '../../src/registry/open-registry.ts';
import { silentLogger } from './fake-logger.ts';
import { listening } from './listening.ts';
import type { Owner } from './owner.ts';
import { pause } from './pause.ts';
import { joinToken } from './sluice-under-test.ts';

/**
 * A gateway server of an older version: it rejects revisions that the balancer accepts. It joins `production`, reports every snapshot, and
 * answers every request with 200.
 *
 * @param reason why a revision is rejected; undefined: it is accepted
 */
export async function startRejectingServer(
  owner: Owner,
  id: string,
  control: string,
  reason: (deployed: DeployedProject) => string | undefined,
): Promise<void> {
  const server = createServer((_request, response) => void response.end('ok\n'));
  const address = await listening(owner, server);
  const registry = await openRegistry({ url: control, token: joinToken, logger: silentLogger });
  owner.teardown(() => registry.close());
  const served = new Map<string, number>();
  const instance = `${id}-1`;
  const report = async ({ snapshot }: JoinAnswer) => {
    if (snapshot === undefined) return;
    const { epoch, version, hash } = snapshot;
    const projects = snapshot.projects.map((deployed) => {
      const { name, revision } = deployed;
      const error = reason(deployed);
      if (error !== undefined) return { name, revision: served.get(name) ?? 0, state: 'rejected' as const, error };
      served.set(name, revision);
      return { name, revision, state: 'active' as const };
    });
    await registry.renew({ id, instance, projects, running: { epoch, version, hash }, holds: { epoch, version, hash } });
  };
  let closed = false;
  // A renewal that says nothing about what runs is answered with the snapshot. One that fails is sent again, as a gateway server does.
  const catchUp = async () => {
    while (!closed) {
      try {
        return await report(await registry.renew({ id, instance, projects: [] }));
      } catch {
        await pause(100);
      }
    }
  };
  let caughtUp: Promise<void> = Promise.resolve();
  const hear = (news: News) => {
    // One after the other: an older report must not come last.
    if (news.kind === 'snapshot') caughtUp = caughtUp.then(catchUp);
  };
  const watch = registry.watch(hear, { server: id });
  owner.teardown(() => {
    closed = true;
    watch.close();
  });
  await watch.ready;
  const about = { id, instance, address, version: '0', startedAt: Date.now(), ttl: 600_000 };
  await report(await registry.join({ ...about, environment: 'production', source: 'join' }));
}
