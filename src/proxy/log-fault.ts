import type { Logger } from 'pino';

/** Logs a bug that was met while a request was handled, with its stack. */
export function logFault(logger: Logger, error: unknown, requestId: string | undefined): void {
  logger.error({ err: error, requestId }, 'unexpected error in a request: the request was ended, others are not affected');
}
