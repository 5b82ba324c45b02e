import { eventually } from '../tools/eventually.ts';
import type { Cut, LinkRelay, Openings } from './link-relay.ts';
import { type Scenario, since } from './scenario.ts';
import type { Stage } from './stage.ts';

const linked = { registry: 'redis', mode: 'link', linksRelayed: true } as const;
const broken: readonly Cut[] = ['reset', 'closed towards the balancer', 'closed towards the server'];
const otherVersions: readonly Openings[] = ['asked for another version', 'answered in another version', 'unknown to the server'];

/** Faults of the links between a balancer and its gateway servers. A link that is lost may lose the POSTs on it, and the one response that is cut in the middle. */
export const linkScenarios: readonly Scenario[] = [
  {
    name: 'links are lost again and again: reset, or closed in the middle of a frame',
    stage: linked,
    apart: true,
    bar: { convergeMs: 5000 },
    async run(stage) {
      let slowest = 0;
      for (let round = 0; round < stage.times(6); round++) {
        const relays = stage.linkRelays;
        // One server's link, then those of all servers at once.
        const some = round % 2 === 0 ? relays.slice((round / 2) % relays.length).slice(0, 1) : relays;
        for (const how of broken) {
          await lose(stage, some, how);
          slowest = Math.max(slowest, await linkedAgain(stage, some));
        }
      }
      await stage.deployAnother(stage.servers);
      return { convergeMs: slowest };
    },
  },
  {
    name: 'links are half open: nothing passes them, and neither end is told',
    stage: linked,
    apart: true,
    // 10 s until the balancer opens another link, and 5 to 10 s until that proves that the old one is dead.
    bar: { detectMs: 25_000, convergeMs: 5000 },
    async run(stage) {
      const times = { detectMs: 0, convergeMs: 0 };
      for (let round = 0; round < stage.times(2); round++) {
        const some = stage.linkRelays.slice(round === 0 ? 2 : 0);
        const begun = performance.now();
        await lose(stage, some, 'silent');
        times.detectMs = Math.max(times.detectMs, since(begun));
        times.convergeMs = Math.max(times.convergeMs, await linkedAgain(stage, some));
      }
      await stage.deployAnother(stage.servers);
      return times;
    },
  },
  {
    name: 'links are lost, and none can be opened for a while: requests have connections of their own',
    stage: linked,
    apart: true,
    bar: { convergeMs: 5000 },
    async run(stage) {
      await without(stage, 'reset');
      await stage.hold(5000);
      await stage.load.more(300);
      requireNone(stage);
      for (const relay of stage.linkRelays) relay.openings = 'pass';
      return { convergeMs: await linkedAgain(stage, stage.linkRelays) };
    },
  },
  {
    name: 'mixed versions of links: a newer balancer, newer servers, servers without links, and their updates',
    stage: linked,
    apart: true,
    bar: { convergeMs: 5000 },
    async run(stage) {
      let slowest = 0;
      for (const openings of otherVersions.slice(0, stage.times(otherVersions.length))) {
        await without(stage, openings);
        await stage.load.more(300);
        requireNone(stage);
        for (const [index, id] of stage.servers.entries()) {
          const relay = stage.linkRelays[index] as LinkRelay;
          relay.openings = 'pass';
          await stage.restart(id);
          slowest = Math.max(slowest, await linkedAgain(stage, [relay]));
        }
        await stage.complete(stage.servers);
      }
      const error = stage.balancer.process.log.find(({ level }) => Number(level) >= 50);
      if (error !== undefined) throw new Error(`the balancer has logged an error: ${error.msg}`);
      return { convergeMs: slowest };
    },
  },
];

/**
 * Cuts links. Each client may lose the POST that is in flight until the balancer, which is told by the kernel, has answered a question after it; and
 * of each link the response in whose middle it was cut.
 */
async function lose(stage: Stage, relays: readonly LinkRelay[], how: Cut): Promise<void> {
  const cut = async () => {
    await Promise.all(relays.map((relay) => relay.cut(how)));
    await stage.balancer.api('GET', '/healthz');
  };
  await stage.load.losing('posts', cut, { brokenOff: relays.length });
}

/** Cuts every link, and lets none be opened. Resolves when the balancer has tried that with each server. */
async function without(stage: Stage, openings: Openings): Promise<void> {
  const relays = stage.linkRelays;
  await linkedAgain(stage, relays);
  for (const relay of relays) relay.openings = openings;
  await lose(stage, relays, 'reset');
  await eventually(
    () => relays.map(({ refused }) => refused.get(openings) ?? 0),
    (tried) => tried.every((count) => count > 0),
    { what: 'links that cannot be opened' },
  );
}

function requireNone(stage: Stage): void {
  const open = stage.linkRelays.filter(({ links }) => links > 0).length;
  if (open > 0) throw new Error(`${open} servers have a link, though none could be opened`);
}

/** Resolves to the milliseconds until each of these servers has a link and requests were answered since. */
async function linkedAgain(stage: Stage, relays: readonly LinkRelay[]): Promise<number> {
  const begun = performance.now();
  await eventually(
    () => relays.map(({ links }) => links),
    (links) => links.every((count) => count > 0),
    { what: 'a link to each server' },
  );
  const ms = since(begun);
  await stage.load.more(100);
  return ms;
}
