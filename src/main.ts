#!/usr/bin/env node
import type { Logger } from 'pino';
import { type RunningGateway, runGateway } from './assembly/gateway.ts';
import { keepRunning, onSignal, stopOnSignal } from './assembly/lifetime.ts';
import { createLogger } from './assembly/logger.ts';
import { type Served, serve } from './assembly/serve.ts';
import { ServiceManager } from './assembly/service-manager.ts';
import { loadShipped } from './assembly/shipped.ts';
import { type Up, up } from './assembly/up.ts';
import { build } from './assembly/version.ts';
import { isWorker, runWorker } from './assembly/worker.ts';
import { checkFile } from './cli/input-file.ts';
import type { Roles } from './cli/program.ts';
import { runCommand } from './cli/run.ts';
import { loadConfig, readConfig } from './config/config.ts';

/** What every process that runs until it is stopped begins with. */
function begin(level?: string): { logger: Logger; manager: ServiceManager } {
  const logger = createLogger(level);
  keepRunning(logger);
  return { logger, manager: new ServiceManager(process.env, logger) };
}

/** What a process can be. Each starts and then runs until a signal stops it, which may come while it still starts. */
const roles: Roles = {
  async serve({ config: file }) {
    const { logger, manager } = begin();
    const load = () => loadConfig({ ...(file === undefined ? {} : { file }), env: process.env });
    const config = file === undefined ? load() : checkFile(file, load);
    logger.info({ program: build }, 'starting');
    manager.starting(`Starting; registry ${config.registry.url.split(':')[0]}`);
    const starting = serve(config, logger);
    let served: Served | undefined;
    stopOnSignal(logger, manager, async () => served?.stop());
    onSignal('SIGHUP', logger, async () => {
      const { reload, reopenAccessLog, summary } = await starting;
      // Whatever the configuration is like: who renames the log reckons with it.
      reopenAccessLog();
      await manager.reload(() => reload(load()).then(summary));
    });
    onSignal('SIGUSR2', logger, async () => (await starting).restartWorkers());
    served = await starting;
    manager.ready(served.summary());
  },
  async gateway(options) {
    const { logger, manager } = begin();
    logger.info({ program: build }, 'starting');
    manager.starting('Starting; not registered yet');
    let running: RunningGateway | undefined;
    stopOnSignal(logger, manager, async () => running?.stop());
    running = await runGateway(options, logger);
    const { gateway } = running;
    await gateway.started;
    manager.ready(`${gateway.ready ? 'Serving' : 'Waiting to be added to an environment'} at ${gateway.address}`);
  },
  async up(options) {
    const { logger, manager } = begin(process.env['SLUICE_LOG_LEVEL'] ?? 'warn');
    const { gateways, config: file } = options;
    const { env } = process;
    const config =
      file === undefined
        ? checkFile('the quick start', () => readConfig(loadShipped().quickstart, { env }))
        : checkFile(file, () => loadConfig({ file, env }));
    let everything: Up | undefined;
    stopOnSignal(logger, manager, async () => everything?.stop());
    everything = await up({ gateways, config }, logger);
    manager.ready(`Serving with ${gateways} gateway servers`);
    process.stdout.write(everything.banner);
  },
};

if (isWorker()) {
  const logger = createLogger();
  keepRunning(logger);
  runWorker(logger);
} else {
  // Not awaited: a single executable is CommonJS, which knows no await at its top.
  void runCommand(process.argv.slice(2), roles, build).then((status) => {
    if (status !== 0) process.exit(status);
  });
}
