import type { Balancer } from '../balancer/balancer.ts';
import { SluiceError } from '../model/fault.ts';
import type { LiveServer } from '../model/live.ts';
import type { Registry } from '../registry/contract.ts';

const pollMs = 50;

/**
 * Resolves once `count` healthy servers of `environment` take traffic from `balancer`, with what `version` of its snapshot has deployed (default: any).
 * Rejects with `unavailable` after `timeoutMs`, saying how many did.
 */
export async function waitForServers(
  balancer: Balancer,
  registry: Pick<Registry, 'servers'>,
  { environment, version = 0, count, timeoutMs }: { environment: string; version?: number; count: number; timeoutMs: number },
): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  const serves = (server: LiveServer) => server.environment === environment && server.health === 'up';
  const serving = async () => {
    const behind = version === 0 ? [] : (await registry.servers()).filter(({ running }) => (running?.version ?? 0) < version);
    const late = new Set(behind.map(({ id }) => id));
    return [...balancer.view.servers()].filter((server) => serves(server) && !late.has(server.id)).length;
  };
  for (let found = await serving(); found < count; found = await serving()) {
    if (performance.now() > deadline) {
      const reason = `only ${found} of ${count} servers of ${environment} became healthy within ${timeoutMs / 1000} s`;
      throw new SluiceError('unavailable', `${reason}; their logs say why`);
    }
    await new Promise<void>((resolve) => setTimeout(resolve, pollMs));
  }
}
