import type { Choice } from '../../src/balancer/choice.ts';
import type { Upstream } from '../../src/proxy/upstream.ts';

/** The servers of a test that may be picked. */
export class FakeChoice implements Choice {
  servers: readonly Upstream[];

  constructor(servers: readonly Upstream[]) {
    this.servers = servers;
  }

  get weighted(): number {
    return this.servers.filter(({ weight }) => weight > 0).length;
  }

  find(id: string): Upstream | undefined {
    return this.servers.find((server) => server.id === id);
  }
}
