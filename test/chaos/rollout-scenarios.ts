import { existsSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import type { DeploymentsAnswer } from '../../src/api/answers.ts';
import { eventually } from '../tools/eventually.ts';
import { type Scenario, since } from './scenario.ts';
import type { Stage } from './stage.ts';

const servers = ['a', 'b', 'c'];

/** Revisions that servers reject, restarts of everything, and two releases on one registry. */
export const rolloutScenarios: readonly Scenario[] = [
  {
    name: 'servers reject what is deployed, then all are replaced',
    stage: { registry: 'redis' },
    apart: true,
    async run(stage) {
      await stage.deployAnother(servers);
      await stage.deployAnother(servers);
      await needUnknownVariable(stage.redis.url, 'echo@3');
      await stage.startGateway('d');
      await stage.complete([...servers, 'd']);
      await stage.load.until(({ by }) => by.has('d'));
      for (const [old, next] of Object.entries({ a: 'e', b: 'f', c: 'g', d: 'h' })) {
        await stage.startGateway(next);
        stage.gateway(old).signal('SIGTERM');
        await stage.gateway(old).ended();
      }
      const begun = performance.now();
      await stage.complete(['e', 'f', 'g', 'h']);
      return { convergeMs: since(begun) };
    },
  },
  {
    name: 'all servers reject what is deployed, then everything is stopped and started (two balancers on Redis)',
    stage: { registry: 'redis', relayed: 'gateways', second: 'present' },
    apart: true,
    run: (stage) => rejectedThenRestarted(stage, () => needUnknownVariable(stage.redis.url, 'echo@2')),
  },
  {
    name: 'all servers reject what is deployed, then everything is stopped and started (embedded registry)',
    stage: { registry: 'embedded', relayed: 'gateways' },
    apart: true,
    run: (stage) => rejectedThenRestarted(stage, async () => loseRevision(stage.balancer.folder, 'echo@2')),
  },
  {
    name: 'mixed versions: balancers and servers of the previous release and of this one, deploys and restarts',
    stage: { registry: 'redis', second: 'previous', patient: true },
    apart: true,
    async run(stage) {
      const { redis, balancer, second } = stage;
      // Of each release, one server joins through the balancer of the other release, and the others through Redis.
      await Promise.all([
        stage.startGateway('d', { previous: true, joinUrl: redis.url }),
        stage.startGateway('e', { previous: true, joinUrl: balancer.control }),
        stage.restart('c', { joinUrl: second.control }),
      ]);
      const ids = [...servers, 'd', 'e'];
      await stage.complete(ids);
      const deployByBoth = async () => {
        for (const by of stage.balancers) {
          await stage.deployAnother(ids, by);
          await stage.secondLoad.until(({ revisions }) => revisions.has(String(stage.revision)));
        }
      };
      await deployByBoth();
      // Everything becomes the other release, and then what it was.
      for (let round = 0; round < stage.times(2); round++) {
        const swapped = round % 2 === 0;
        const isPrevious = (id: string) => servers.includes(id) === swapped;
        for (const pair of [['a', 'd'], ['b', 'e'], ['c']]) {
          await Promise.all(pair.map((id) => stage.restart(id, { previous: isPrevious(id) })));
          await stage.complete(ids);
        }
        await deployByBoth();
        for (const index of [0, 1]) {
          await stage.restartBalancer(index, (index === 0) === swapped);
          await stage.complete(ids);
        }
        await deployByBoth();
      }
      return {};
    },
  },
];

/**
 * Deploys a revision that all servers reject, and restarts everything: after SIGKILL, then after SIGTERM. No request may fail before a stop, and none
 * after the first answer with 200; in between no answer may be a 404. What ran before must run, and another deploy must reach every server.
 */
async function rejectedThenRestarted(stage: Stage, spoil: () => Promise<void>): Promise<{ convergeMs: number }> {
  // Servers hear of the deploy after the revision was spoiled: the balancer would refuse to deploy it otherwise.
  stage.relay.cut();
  await stage.deploy();
  await spoil();
  stage.relay.mend();
  await rejected(stage);
  let slowest = 0;
  for (const signal of (['SIGKILL', 'SIGTERM'] as const).slice(0, stage.times(2))) {
    const begun = performance.now();
    await stage.restartAll(signal);
    slowest = Math.max(slowest, since(begun));
    await stage.complete(servers);
    await rejected(stage);
    for (const load of stage.loads) {
      await load.more(200);
      const revisions = [...load.counts.revisions.keys()].join();
      if (revisions !== '1') throw new Error(`after ${signal} revisions ${revisions} answered, before it revision 1`);
    }
  }
  await stage.deployAnother(servers);
  return { convergeMs: slowest };
}

async function rejected(stage: Stage): Promise<void> {
  await eventually(
    () => stage.balancer.api('GET', '/v1/environments/production/deployments') as Promise<DeploymentsAnswer>,
    ({ deployments }) =>
      deployments[0]?.servers.length === servers.length && deployments[0].servers.every(({ state }) => state === 'rejected'),
    { what: 'all servers to reject what is deployed' },
  );
}

/** Changes a stored revision into one that every server which reads it from now on rejects, as a server of another version might. */
async function needUnknownVariable(url: string, revision: string): Promise<void> {
  const client = new Redis(url);
  const text = (await client.hget('{sluice}:revision', revision)) ?? '';
  const changed = text.replace(/"url":"[^"]*"/, '"url":"${variables.unknown}"');
  if (changed === text) throw new Error(`revision ${revision} has no URL: ${text}`);
  await client.hset('{sluice}:revision', revision, changed);
  client.disconnect();
}

/** Removes the file of a revision of an embedded registry. */
function loseRevision(folder: string, revision: string): void {
  const files = join(folder, 'data', 'revisions');
  const names = existsSync(files) ? readdirSync(files).filter((name) => name.startsWith(`${revision}.`)) : [];
  if (names.length === 0) throw new Error(`revision ${revision} has no file in ${files}`);
  for (const name of names) rmSync(join(files, name));
}
