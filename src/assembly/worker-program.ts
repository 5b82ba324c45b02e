import type { Logger } from 'pino';
import type { FromWorker, ToWorker } from '../balancer/workers/messages.ts';
import { Worker } from '../balancer/workers/worker.ts';
import { noWorkerCounts } from '../balancer/workers/worker-counts.ts';
import { systemClock } from '../model/clock.ts';
import { HttpListener } from '../proxy/http-listener.ts';
import { applyDescriptorLimit } from './descriptor-limit.ts';
import { CopiesHere } from './embedded/copies-here.ts';
import { OwnAccessLog } from './own-access-log.ts';
import { StandardOutput } from './standard-output.ts';
import { openTracing } from './tracing.ts';

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
  const lines = new StandardOutput(logger);
  const copies = new CopiesHere({ send: (message) => send({ kind: 'beside', message }), logger, lines });
  const worker = new Worker({
    embedded: copies.poolOf,
    beside: copies,
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
      await Promise.all([accessLog?.flush(), lines.flush(), tracing.close()]);
      // Messages are sent in order: when this one has left, all earlier ones have too.
      send({ kind: 'counts', counts: noWorkerCounts, cpuMs: cpuMs(), dropped: 0 }, () => process.exit(0));
    },
  });
  process.on('message', (message, handle) => worker.receive(message as ToWorker, handle as object | undefined));
  process.once('disconnect', () => {
    copies.mainProcessGone();
    worker.mainProcessGone();
  });
  process.on('SIGTERM', () => send({ kind: 'relieve' }));
  process.on('SIGINT', () => {});
  process.on('SIGHUP', () => {});
}

function cpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}
