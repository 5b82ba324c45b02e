import type { Logger } from 'pino';

/**
 * Runs `stop` at the first SIGTERM, SIGINT, or end of the process that watches over this one, then exits with 0, or 1 if
 * stopping failed. A second signal ends the process at once.
 */
export function stopOnSignal(logger: Logger, stop: () => Promise<void>): void {
  let stopping = false;
  const end = (cause: string) => {
    if (stopping) {
      logger.warn({ cause }, 'ending at once');
      process.exit(1);
    }
    stopping = true;
    logger.info({ cause }, 'draining; a second signal ends at once');
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

/** For a process that runs until it is stopped: it stays alive while it starts, and what must never happen ends it, with a word. */
export function keepRunning(logger: Logger): void {
  // The clock's timers keep no process alive, and before the first listener is open there may be nothing else.
  setInterval(() => {}, 2 ** 30);
  process.on('uncaughtException', (error) => {
    logger.fatal({ err: error }, 'unexpected fault; ending');
    process.exit(1);
  });
}
