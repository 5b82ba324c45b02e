import type { GatewayOptions } from '../cli/role-program.ts';
import { begin } from './begin.ts';
import { startEnds } from './lean-start.ts';
import { stopOnSignal } from './lifetime.ts';
import { type RunningGateway, runGateway } from './run-gateway.ts';
import { build } from './version.ts';

/** Runs `sluice gateway` until a signal stops the process, which may come during the start. */
export async function runGatewayRole(options: GatewayOptions): Promise<void> {
  const { logger, manager } = begin();
  logger.info({ program: build }, 'starting');
  manager.starting('Starting; not registered yet');
  let running: RunningGateway | undefined;
  stopOnSignal(logger, manager, async () => running?.stop());
  running = await runGateway(options, logger);
  // Before the first lease: balancers have not heard of the server.
  startEnds({ marksAlone: true });
  const { gateway } = running;
  await gateway.started;
  manager.ready(`${gateway.ready ? 'Serving' : 'Waiting to be added to an environment'} at ${gateway.address}`);
}
