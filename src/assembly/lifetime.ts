import type { Logger } from 'pino';
import { SluiceError } from '../model/fault.ts';
import type { ServiceManager } from './service-manager.ts';

/**
 * Runs `stop` at the first SIGTERM, SIGINT, or end of the process that watches over this one, then exits with 0, or 1 if
 * stopping failed. A second signal ends the process at once. To be called before anything starts: to the first process of a container
 * a signal without a handler does not exist.
 */
export function stopOnSignal(logger: Logger, manager: ServiceManager, stop: () => Promise<void>): void {
  let stopping = false;
  const end = (cause: string) => {
    if (stopping) {
      logger.warn({ cause }, 'ending at once');
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
  if (process.connected) process.once('disconnect', () => end('the parent process is gone'));
}

/** Runs `task` at each `signal`, one run after the other. A task that fails ends nothing: what it says, every fault of it, is logged. */
export function onSignal(signal: NodeJS.Signals, logger: Logger, task: () => Promise<void>): void {
  let running = Promise.resolve();
  process.on(signal, () => {
    logger.info({ cause: signal }, 'signal');
    running = running.then(task).catch((error: unknown) => {
      if (!(error instanceof SluiceError)) return logger.error({ err: error }, `${signal} was not carried out`);
      const [first] = error.faults;
      if (first === undefined) logger.error({ code: error.code }, `${signal} was not carried out: ${error.message}`);
      for (const { path, line, message } of error.faults) logger.error({ path, line }, `${signal} was not carried out: ${path} ${message}`);
    });
  });
}

/** For a process that runs until it is stopped: it stays alive while it starts, and what must never happen ends it, with a word. */
export function keepRunning(logger: Logger): void {
  // The clock's timers keep no process alive, and before the first listener is open there may be nothing else.
  setInterval(() => {}, 2 ** 30);
  process.on('uncaughtException', (error) => {
    logger.fatal({ err: error }, 'unexpected fault; ending');
    process.exit(1);
  });
}
