import { type Logger, pino } from 'pino';
import pretty from 'pino-pretty';

/**
 * The process's log, on stderr so that stdout stays free for what was asked for: JSON lines, or readable ones on a terminal.
 * `SLUICE_LOG_LEVEL` sets the level (default `info`). Never holds secrets: nothing logs a token or an authorization header.
 */
export function createLogger(level = process.env['SLUICE_LOG_LEVEL'] ?? 'info'): Logger {
  const options = { level: level in pino.levels.values || level === 'silent' ? level : 'info', base: null };
  // Synchronous, and without worker threads: the last words before an exit are the ones that matter most.
  if (process.stderr.isTTY) return pino(options, pretty({ destination: 2, sync: true, ignore: 'pid,hostname' }));
  return pino({ ...options, timestamp: pino.stdTimeFunctions.isoTime }, pino.destination({ dest: 2, sync: true }));
}
