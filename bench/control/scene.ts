/** Names of the environments of a run: with the traffic of one static server, of one gateway, with registered servers, with static servers. */
export const environments = { traffic: 'production', gateways: 'gateways', fleet: 'fleet', fixed: 'fixed' } as const;

interface FixedServers {
  readonly listen: string;
  readonly count: number;
  /** URL of the server that each of them is. */
  readonly target: string;
  readonly weight?: number;
}

/** Settings of an environment with many static servers. */
export function fixedServers({ listen, count, target, weight = 1 }: FixedServers): Record<string, unknown> {
  const address = new URL(target).host;
  return { listen, health: 'off', servers: Array.from({ length: count }, (_, index) => ({ id: `fixed-${index}`, address, weight })) };
}

/** The environments of the configuration. */
export function configured(listens: Readonly<Record<keyof typeof environments, string>>, count: number, target: string) {
  return {
    [environments.traffic]: { listen: listens.traffic, health: 'off', servers: [{ id: 'target', address: new URL(target).host }] },
    [environments.gateways]: { listen: listens.gateways, health: { interval: '1s', timeout: '1s' } },
    [environments.fleet]: { listen: listens.fleet, health: 'off' },
    [environments.fixed]: fixedServers({ listen: listens.fixed, count, target }),
  };
}

/** A project of 400 KB as JSON; one more with each `version`. */
export function bigProject(target: string, version: string, name = 'big'): string {
  const policies = { proxyRequest: [{ apiKey: { header: 'x-api-key', keys: ['a-key-of-the-bench-1234'] } }] };
  const resources = Array.from({ length: 2500 }, (_, index) => ({
    path: `/things/number-${index}/{id}/sub`,
    methods: ['GET', 'POST'],
    policies,
  }));
  return JSON.stringify({ name, version, basePath: `/${name}`, targets: { default: { url: target } }, resources });
}

/** A small project. */
export function smallProject(target: string, name: string, version = '1'): string {
  return JSON.stringify({ name, version, basePath: `/${name}`, targets: { default: { url: target } } });
}
