import { checkFile } from '../cli/input-file.ts';
import type { ServeOptions } from '../cli/role-program.ts';
import type { DatesIgnored } from '../config/certificate-faults.ts';
import { anyDates, datesInUse, loadConfig } from '../config/config.ts';
import { begin } from './begin.ts';
import { startEnds } from './lean-start.ts';
import { onSignal, stopOnSignal } from './lifetime.ts';
import { type Served, serve } from './serve.ts';
import { allowLongPauses } from './short-pauses.ts';
import { build } from './version.ts';

/** Runs `sluice serve` until a signal stops the process, which may come during the start. */
export async function runServe({ config: file }: ServeOptions): Promise<void> {
  const { logger, manager } = begin();
  const load = (datesIgnored: DatesIgnored) => loadConfig({ ...(file === undefined ? {} : { file }), env: process.env, datesIgnored });
  const config = file === undefined ? load(anyDates) : checkFile(file, () => load(anyDates));
  logger.info({ program: build }, 'starting');
  manager.starting(`Starting; registry ${config.registry.url.split(':')[0]}`);
  if (config.workers !== 0) allowLongPauses();
  const starting = serve(config, logger);
  let served: Served | undefined;
  stopOnSignal(logger, manager, async () => served?.stop());
  onSignal('SIGHUP', logger, async () => {
    const running = await starting;
    // First, even if the configuration is refused: log rotation relies on it.
    running.reopenAccessLog();
    await manager.reload(async () => {
      await running.reload(load(datesInUse(running.config)));
      return running.summary();
    });
  });
  onSignal('SIGUSR2', logger, async () => (await starting).restartWorkers());
  served = await starting;
  startEnds();
  manager.ready(served.summary());
}
