import { eventually } from '../tools/eventually.ts';
import { type Scenario, since } from './scenario.ts';
import type { Stage } from './stage.ts';

const stage = { registry: 'embedded', named: true } as const;
const names = ['a.test', 'b.test', 'c.test', 'target.test'];

/** Faults of DNS. Balancer, servers and target are reached by names. */
export const nameScenarios: readonly Scenario[] = [
  {
    name: 'DNS outage: no server answers',
    stage,
    apart: true,
    bar: { convergeMs: 10_000 },
    async run(stage) {
      return outage(stage, { silent: true });
    },
  },
  {
    name: 'DNS outage: servers deny every name',
    stage,
    apart: true,
    bar: { convergeMs: 10_000 },
    async run(stage) {
      return outage(stage, { failure: 'NXDOMAIN' });
    },
  },
  {
    name: 'slow DNS, and names that are never answered',
    stage,
    bar: { convergeMs: 10_000 },
    async run(stage) {
      const { dns, balancer } = stage;
      dns.delayMs = 900;
      const never = Array.from({ length: 20 }, (_, index) => `never-${index}.test`);
      for (const name of never) dns.names.set(name, { silent: true });
      const servers = never.map((name) => ({ id: name, address: `${name}:80` }));
      await balancer.api('PUT', '/v1/environments/stuck', { listen: '127.0.0.2:0', servers });
      await balancer.api('POST', '/v1/projects', {
        name: 'stuck',
        basePath: '/stuck',
        targets: { default: { urls: never.slice(0, 3).map((name) => ({ url: `http://${name}` })) } },
      });
      await balancer.api('PUT', '/v1/environments/production/deployments/stuck', {});
      await eventually(
        async () => (await fetch(`http://${balancer.address}/stuck`)).status,
        (status) => status === 502 || status === 504,
        { what: 'a request to a target that is never resolved' },
      );
      await stage.hold(10_000);
      return stage.recovers(stage.servers);
    },
  },
  {
    name: 'every name gets a second address, which refuses',
    stage,
    apart: true,
    bar: { convergeMs: 5000 },
    async run(stage) {
      const begun = performance.now();
      // Gateways listen at 127.0.0.1 only: the old address is wrong for each of them.
      for (const name of names) stage.dns.names.set(name, { addresses: ['127.0.0.9', '127.0.0.1'], ttlSeconds: 1 });
      const before = stage.dns.asked('a.test');
      await eventually(
        () => stage.dns.asked('a.test'),
        (asked) => asked >= before + 6,
      );
      const convergeMs = since(begun);
      await stage.hold(5000);
      await stage.deployAnother(['a', 'b', 'c']);
      return { convergeMs };
    },
  },
];

async function outage(stage: Stage, answer: NonNullable<Stage['dns']['outage']>) {
  const { dns } = stage;
  const before = names.map((name) => dns.asked(name));
  dns.outage = answer;
  await eventually(
    () => names.map((name, index) => dns.asked(name) - (before[index] as number)),
    (questions) => questions.every((count) => count >= 4),
    { what: 'every name to be looked up again in vain' },
  );
  await stage.hold(20_000);
  await stage.deployAnother(['a', 'b', 'c']);
  dns.outage = undefined;
  return stage.recovers(['a', 'b', 'c']);
}
