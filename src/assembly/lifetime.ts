import type { Logger } from 'pino';
import { SluiceError } from '../model/fault.ts';
import type { ServiceManager } from './service-manager.ts';

/**
 * Runs `stop` at the first SIGTERM or SIGINT, or when the parent process that holds an IPC channel to this one ends. Then exits with
 * status 0, or 1 if stopping failed. A second signal ends the process at once. Call it before anything starts: as process 1 of a
 * container, a process without a handler ignores the signal.
 */
export function stopOnSignal(logger: Logger, manager: ServiceManager, stop: () => Promise<void>): void {
  let stopping = false;
  const end = (cause: string) => {
    if (stopping) {
      logger.warn({ cause }, 'second signal: ending at once, without draining');
      process.exit(1);
    }
    stopping = true;
    logger.info({ cause }, 'draining; a second signal ends at once');
    manager.stopping();
    stop().then(
      () => process.exit(0),
      (error: unknown) => {
        logger.error({ err: error }, 'could not stop cleanly');
        process.exit(1);
      },
    );
  };
  process.on('SIGTERM', () => end('SIGTERM'));
  process.on('SIGINT', () => end('SIGINT'));
  const orphaned = () => end('the parent process is gone');
  if (process.connected) process.once('disconnect', orphaned);
  // There was a channel, and the parent ended while this process loaded its program.
  else if (process.send !== undefined) orphaned();
}

/** Runs `task` at each `signal`, one run after the other. A failed task is logged, with all of its faults, and does not end the process. */
export function onSignal(signal: NodeJS.Signals, logger: Logger, task: () => Promise<void>): void {
  let running = Promise.resolve();
  process.on(signal, () => {
    logger.info({ cause: signal }, 'signal received');
    running = running.then(task).catch((error: unknown) => {
      if (!(error instanceof SluiceError)) return logger.error({ err: error }, `${signal} was not carried out`);
      const [first] = error.faults;
      if (first === undefined) logger.error({ code: error.code }, `${signal} was not carried out: ${error.message}`);
      for (const { path, line, message } of error.faults) logger.error({ path, line }, `${signal} was not carried out: ${path} ${message}`);
    });
  });
}

/** Keeps the process alive while it starts. An uncaught exception is logged and ends it. */
export function keepRunning(logger: Logger): void {
  // Timers of the clock are unreferenced, and before the first listener opens nothing else may keep the process alive.
  setInterval(() => {}, 2 ** 30);
  process.on('uncaughtException', (error) => {
    logger.fatal({ err: error }, 'unexpected fault; ending');
    process.exit(1);
  });
}
