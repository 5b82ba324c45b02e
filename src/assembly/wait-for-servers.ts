import type { Balancer } from '../balancer/balancer.ts';
import { SluiceError } from '../model/fault.ts';
import type { LiveServer } from '../model/live.ts';

const pollMs = 50;

/**
 * Resolves once `count` healthy servers of `environment` take traffic from `balancer`.
 * Rejects with `unavailable` after `timeoutMs`, saying how many did.
 */
export async function waitForServers(
  balancer: Balancer,
  { environment, count, timeoutMs }: { environment: string; count: number; timeoutMs: number },
): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  const serves = (server: LiveServer) => server.environment === environment && server.health === 'up';
  const serving = () => [...balancer.view.servers()].filter(serves).length;
  while (serving() < count) {
    if (performance.now() > deadline) {
      const reason = `only ${serving()} of ${count} servers of ${environment} became healthy within ${timeoutMs / 1000} s`;
      throw new SluiceError('unavailable', `${reason}; their logs say why`);
    }
    await new Promise<void>((resolve) => setTimeout(resolve, pollMs));
  }
}
