#!/usr/bin/env node
import { runGateway } from './assembly/gateway.ts';
import { keepRunning, onSignal, stopOnSignal } from './assembly/lifetime.ts';
import { createLogger } from './assembly/logger.ts';
import { serve } from './assembly/serve.ts';
import { quickstartFile, up } from './assembly/up.ts';
import { version } from './assembly/version.ts';
import { isWorker, runWorker } from './assembly/worker.ts';
import { checkFile } from './cli/input-file.ts';
import type { Roles } from './cli/program.ts';
import { runCommand } from './cli/run.ts';
import { loadConfig } from './config/config.ts';

/** What a process can be. Each starts and then runs until a signal stops it. */
const roles: Roles = {
  async serve({ config: file }) {
    const logger = createLogger();
    keepRunning(logger);
    const load = () => loadConfig({ ...(file === undefined ? {} : { file }), env: process.env });
    const served = await serve(file === undefined ? load() : checkFile(file, load), logger);
    stopOnSignal(logger, served.stop);
    onSignal('SIGHUP', logger, async () => served.reload(load()));
    onSignal('SIGUSR2', logger, served.restartWorkers);
  },
  async gateway(options) {
    const logger = createLogger();
    keepRunning(logger);
    const running = await runGateway(options, logger);
    stopOnSignal(logger, running.stop);
  },
  async up(options) {
    const logger = createLogger(process.env['SLUICE_LOG_LEVEL'] ?? 'warn');
    keepRunning(logger);
    const { gateways, config: file = quickstartFile } = options;
    const config = checkFile(file, () => loadConfig({ file, env: process.env }));
    const everything = await up({ gateways, config }, logger);
    stopOnSignal(logger, everything.stop);
    process.stdout.write(everything.banner);
  },
};

if (isWorker()) {
  const logger = createLogger();
  keepRunning(logger);
  runWorker(logger);
} else {
  const status = await runCommand(process.argv.slice(2), roles, version);
  if (status !== 0) process.exit(status);
}
