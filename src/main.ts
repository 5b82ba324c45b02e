#!/usr/bin/env node
import type { Logger } from 'pino';
import { readsDocuments, runDocumentReader } from './assembly/document-process.ts';
import { keepRunning, onSignal, stopOnSignal } from './assembly/lifetime.ts';
import { createLogger } from './assembly/logger.ts';
import { type RunningGateway, runGateway } from './assembly/run-gateway.ts';
import { type Served, serve } from './assembly/serve.ts';
import { ServiceManager } from './assembly/service-manager.ts';
import { loadShipped } from './assembly/shipped.ts';
import { shortenPauses } from './assembly/short-pauses.ts';
import { up } from './assembly/up.ts';
import { build } from './assembly/version.ts';
import { isWorker, runWorker } from './assembly/worker-program.ts';
import { checkFile } from './cli/input-file.ts';
import type { Roles, UpOptions } from './cli/program.ts';
import { runCommand } from './cli/run-command.ts';
import type { DatesIgnored } from './config/certificate-faults.ts';
import { anyDates, type Config, datesInUse, loadConfig, readConfig } from './config/config.ts';
import { variableName } from './config/variables.ts';
import { processResolver } from './dns/resolver.ts';
import { dnsServers } from './dns/servers.ts';
import { lackingForDirectTls } from './http1/connection/direct-tls.ts';
import { lackingForDirectWrites } from './http1/connection/direct-write.ts';
import { refusedSenders } from './proxy/refused-senders.ts';
import { failedHandshakes } from './tls/failed-handshakes.ts';

/** Logger and supervisor of a process that runs until it is stopped. */
function begin(level?: string): { logger: Logger; manager: ServiceManager } {
  const logger = createLogger(level);
  keepRunning(logger);
  // Refuses a wrong value here, where it becomes one clear line.
  dnsServers(process.env);
  processResolver.log = logger;
  for (const warning of [failedHandshakes, refusedSenders]) warning.log = logger;
  const lacking = lackingForDirectWrites ?? lackingForDirectTls;
  const dearer = lackingForDirectWrites === undefined ? 'TLS handshake' : 'request';
  if (lacking !== undefined)
    logger.warn({ lacking }, `Node.js ${process.versions.node} is not known to Sluice: each ${dearer} costs more CPU time`);
  return { logger, manager: new ServiceManager(process.env, logger) };
}

/** The roles of a process. Each starts and then runs until a signal stops it, which may come during the start. */
const roles: Roles = {
  async serve({ config: file }) {
    const { logger, manager } = begin();
    const load = (datesIgnored: DatesIgnored) => loadConfig({ ...(file === undefined ? {} : { file }), env: process.env, datesIgnored });
    const config = file === undefined ? load(anyDates) : checkFile(file, () => load(anyDates));
    logger.info({ program: build }, 'starting');
    manager.starting(`Starting; registry ${config.registry.url.split(':')[0]}`);
    if (config.workers === 0) shortenPauses();
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
    const { gateways } = options;
    const everything = up({ gateways, config: upConfig(options) }, logger);
    stopOnSignal(logger, manager, () => everything.stop());
    const banner = await everything.started;
    manager.ready(`Serving with ${gateways} gateway servers`);
    process.stdout.write(banner);
  },
};

/** The configuration of `sluice up`: the file's or the quick start's, with the addresses of the command line instead of its own. */
function upConfig({ config: file, control, listen }: UpOptions): Config {
  const load = (env: NodeJS.ProcessEnv) => {
    if (file !== undefined) return checkFile(file, () => loadConfig({ file, env, datesIgnored: anyDates }));
    return checkFile('the quick start', () => readConfig(loadShipped().quickstart, { env }));
  };
  const { env } = process;
  const given = { ...env, ...(control !== undefined && { [variableName(['control', 'listen'])]: control }) };
  if (listen === undefined) return load(given);
  const [first] = load(given).environments;
  return load({ ...given, [variableName(['environments', first?.name ?? 'production', 'listen'])]: listen });
}

if (readsDocuments()) {
  runDocumentReader();
} else if (isWorker()) {
  const logger = createLogger();
  keepRunning(logger);
  processResolver.log = logger;
  for (const warning of [failedHandshakes, refusedSenders]) warning.log = logger;
  runWorker(logger);
} else {
  // Not awaited: a single executable is CommonJS, which has no top-level await.
  void runCommand(process.argv.slice(2), roles, build).then((status) => {
    if (status !== 0) process.exit(status);
  });
}
