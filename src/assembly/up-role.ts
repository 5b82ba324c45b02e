import { checkFile } from '../cli/input-file.ts';
import type { UpOptions } from '../cli/role-program.ts';
import { anyDates, type Config, loadConfig, readConfig } from '../config/config.ts';
import { variableName } from '../config/variables.ts';
import { begin } from './begin.ts';
import { startEnds } from './lean-start.ts';
import { stopOnSignal } from './lifetime.ts';
import { loadShipped } from './shipped.ts';
import { up } from './up.ts';

/** Runs `sluice up` until a signal stops the process, which may come during the start. */
export async function runUp(options: UpOptions): Promise<void> {
  const { logger, manager } = begin(process.env['SLUICE_LOG_LEVEL'] ?? 'warn');
  const { gateways } = options;
  const everything = up({ gateways, config: upConfig(options) }, logger);
  stopOnSignal(logger, manager, () => everything.stop());
  const banner = await everything.started;
  startEnds();
  manager.ready(gateways === 0 ? 'Serving in one process' : `Serving with ${gateways} gateway servers`);
  process.stdout.write(banner);
}

/**
 * The configuration of `sluice up`: the file's or the quick start's, with the addresses of the command line instead of its own. Without gateway
 * servers the balancer's process is the one server of the first environment.
 */
function upConfig({ gateways, config: file, control, listen }: UpOptions): Config {
  const load = (env: NodeJS.ProcessEnv) => {
    if (file !== undefined) return checkFile(file, () => loadConfig({ file, env, datesIgnored: anyDates }));
    return checkFile('the quick start', () => readConfig(loadShipped().quickstart, { env }));
  };
  const { env } = process;
  const given = { ...env, ...(control !== undefined && { [variableName(['control', 'listen'])]: control }) };
  const plain = load(given);
  const [first] = plain.environments;
  const variable = (...path: string[]) => variableName(['environments', first?.name ?? 'production', ...path]);
  const embeds = gateways === 0 && first?.spec.embedded === false;
  if (listen === undefined && !embeds) return plain;
  return load({
    ...given,
    ...(listen !== undefined && { [variable('listen')]: listen }),
    ...(embeds && { [variable('embedded', 'id')]: 'local' }),
  });
}
