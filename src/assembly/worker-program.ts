import { type ChildProcess, spawn } from 'node:child_process';
import type { Logger } from 'pino';
import type { FromWorker, ToWorker } from '../balancer/workers/messages.ts';
import { Worker } from '../balancer/workers/worker.ts';
import { noWorkerCounts } from '../balancer/workers/worker-counts.ts';
import { dnsServersVariable } from '../dns/servers.ts';
import { systemClock } from '../model/clock.ts';
import { HttpListener } from '../proxy/http-listener.ts';
import { childEnvironment } from './child-environment.ts';
import { applyDescriptorLimit } from './descriptor-limit.ts';
import { OwnAccessLog } from './own-access-log.ts';
import { ownProgram } from './own-program.ts';
import { openTracing } from './tracing.ts';

/** First argument of a worker process, used only by {@link spawnWorker}. */
const workerArgument = 'worker';
/** Settings that a worker gets from the environment of the main process. */
const inherited = ['SLUICE_LOG_LEVEL', dnsServersVariable];

/** True if this process was started by {@link spawnWorker}. */
export function isWorker(): boolean {
  return process.argv[2] === workerArgument && process.connected;
}

/**
 * Starts a worker process. It gets its own process group, so that Ctrl-C reaches only the main process, and no Sluice settings, some of which
 * are secrets, except the log level and the DNS servers.
 */
export function spawnWorker(number: number): ChildProcess {
  const { file, args } = ownProgram([workerArgument, String(number)]);
  return spawn(file, args, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'], detached: true, env: childEnvironment(inherited) });
}

/** Runs this process as a worker, until the main process tells it to drain or dies. */
export function runWorker(rootLogger: Logger): void {
  const number = Number(process.argv[3]);
  const logger = rootLogger.child({ worker: number });
  applyDescriptorLimit(logger);
  const tracing = openTracing('sluice-balancer', logger);
  let accessLog: OwnAccessLog | undefined;
  const send = (message: FromWorker, sent?: () => void) => {
    if (process.connected) process.send?.(message, undefined, {}, () => sent?.());
    else sent?.();
  };
  const worker = new Worker({
    logger,
    clock: systemClock,
    random: Math.random,
    send,
    begin: (settings) => {
      if (settings.accessLog === false) return;
      accessLog = new OwnAccessLog(settings.accessLog, logger, number);
      accessLog.open().catch((error: Error) => logger.error(error.message));
    },
    async listen(address, bound, settings, handler) {
      const listener = new HttpListener(address, settings, tracing.around(handler), accessLog?.log);
      await listener.open(bound);
      return listener;
    },
    cpuMs,
    reopenLog: () => void accessLog?.reopen(),
    dropped: () => accessLog?.dropped ?? 0,
    async end() {
      await Promise.all([accessLog?.flush(), tracing.close()]);
      // Messages are sent in order: when this one has left, all earlier ones have too.
      send({ kind: 'counts', counts: noWorkerCounts, cpuMs: cpuMs(), dropped: 0 }, () => process.exit(0));
    },
  });
  process.on('message', (message, handle) => worker.receive(message as ToWorker, handle as object | undefined));
  process.once('disconnect', () => worker.mainProcessGone());
  process.on('SIGTERM', () => send({ kind: 'relieve' }));
  process.on('SIGINT', () => {});
  process.on('SIGHUP', () => {});
}

function cpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}
