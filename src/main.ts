#!/usr/bin/env node
import { runGateway } from './assembly/gateway.ts';
import { keepRunning, stopOnSignal } from './assembly/lifetime.ts';
import { createLogger } from './assembly/logger.ts';
import { serve } from './assembly/serve.ts';
import { up } from './assembly/up.ts';
import { version } from './assembly/version.ts';
import type { Roles } from './cli/program.ts';
import { runCommand } from './cli/run.ts';
import { loadConfig } from './config/config.ts';

/** What a process can be. Each starts and then runs until a signal stops it. */
const roles: Roles = {
  async serve({ config: file }) {
    const logger = createLogger();
    keepRunning(logger);
    const config = loadConfig({ ...(file === undefined ? {} : { file }), env: process.env });
    const served = await serve(config, logger);
    stopOnSignal(logger, served.stop);
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
    const everything = await up(options, logger);
    stopOnSignal(logger, everything.stop);
    process.stdout.write(everything.banner);
  },
};

const status = await runCommand(process.argv.slice(2), roles, version);
if (status !== 0) process.exit(status);
